// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// `explain`: what would become of a recipient, by which rule, and why by no other. Sends nothing.
struct Explain: Command {
  let question: Result<ExplanationQuestion, CommandFailure>

  static let entries = [
    CommandTable.Entry(pattern: [.keyword("explain"), .words("--from A --to B …")]) { parameters in
      let words = parameters.words(at: 0)
      return Explain(question: Result { () throws(CommandFailure) in try Explain.read(words) })
    }
  ]

  private static let usage = """
    usage: smtpctl explain --from ADDRESS --to ADDRESS [--src ADDRESS] [--rdns NAME] [--helo NAME]
                           [--auth USER] [--tag TAG] [--tls]
    """

  func run(in context: Context) throws(CommandFailure) {
    try context.refuseDryRun(of: "explain")
    let question = try question.get()
    var nodes: [ExplanationNode] = []
    var verdict = ""
    try context.service().complete(.explain(question)) { part throws(CommandFailure) in
      guard case .explained(let page) = part else {
        throw .brokenAnswer("an explanation was expected")
      }
      verdict = page.verdict
      for node in page.nodes {
        guard node.parent.map({ $0 < nodes.count }) ?? true else {
          throw .brokenAnswer("a node before what names it")
        }
        nodes.append(node)
      }
    }
    switch context.style {
    case .plain:
      try showTree(nodes, in: context)
      try context.line(verdict)
    case .json:
      for (place, node) in nodes.enumerated() { try showObject(node, place, in: context) }
      try context.json { line in line.add("verdict", verdict) }
    }
  }

  /// Each node with what it named below it.
  private func showTree(
    _ nodes: [ExplanationNode],
    in context: Context
  ) throws(CommandFailure) {
    var children: [Int: [Int]] = [:]
    for (place, node) in nodes.enumerated() {
      children[node.parent ?? -1, default: []].append(place)
    }
    var rest = (children[-1] ?? []).reversed().map { (place: $0, depth: 0) }
    while let (place, depth) = rest.popLast() {
      let indent = String(repeating: "  ", count: depth)
      try context.line(indent + visible(nodes[place].name))
      for text in Explain.rules(of: nodes[place]) + nodes[place].notes {
        try context.line("\(indent)    \(visible(text))")
      }
      rest += (children[place] ?? []).reversed().map { (place: $0, depth: depth + 1) }
    }
  }

  private func showObject(
    _ node: ExplanationNode,
    _ place: Int,
    in context: Context
  ) throws(CommandFailure) {
    try context.json { line in
      line.add("node", Int64(place))
      line.add("parent", node.parent.map { Int64($0) })
      line.add("name", node.name)
      line.add("rules", Explain.rules(of: node))
      line.add("notes", node.notes)
    }
  }

  private static func rules(of node: ExplanationNode) -> [String] {
    node.rules.map { rule in
      rule.lacks.map { "rule at line \(rule.line): no match: \($0)" }
        ?? "rule at line \(rule.line): match"
    }
  }

  private func visible(_ text: String) -> String {
    var bytes: [UInt8] = []
    bytes.append(visible: text)
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func read(_ words: [String]) throws(CommandFailure) -> ExplanationQuestion {
    var values: [String: String] = [:]
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--tls" {
        values[word] = ""
        continue
      }
      guard ["--from", "--to", "--src", "--rdns", "--helo", "--auth", "--tag"].contains(word),
        let value = rest.popFirst()
      else { throw .invalid(usage) }
      values[word] = value
    }
    guard let from = values["--from"], let to = values["--to"] else { throw .invalid(usage) }
    var question = ExplanationQuestion(
      sender: from.isEmpty || from == "<>" ? nil : try address(from),
      recipient: try address(to),
      source: .local
    )
    if let source = values["--src"], source != "local" {
      guard let address = IPAddress(parsing: source) ?? IPAddress(literal: source) else {
        throw .invalid("smtpctl: \(source) is no address of a client\n\(usage)")
      }
      question.source = address.source
    }
    if let name = values["--rdns"] { question.hostName = .given(name) }
    question.helo = values["--helo"] ?? ""
    question.user = values["--auth"] ?? ""
    question.tag = values["--tag"] ?? ""
    question.transport = values["--tls"] == nil ? .clear : .tls
    guard
      [question.helo, values["--rdns"] ?? "", question.user, question.tag]
        .allSatisfy({ $0.utf8.count <= ControlLimits.name })
    else { throw .invalid("smtpctl: a value is too long") }
    return question
  }

  private static func address(_ text: String) throws(CommandFailure) -> Address {
    do {
      return try Address(parsing: text)
    } catch {
      throw .invalid("smtpctl: \(text) is no mail address")
    }
  }
}
