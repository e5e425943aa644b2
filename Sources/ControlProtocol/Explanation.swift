// SPDX-License-Identifier: ISC

package import Mail

/// What an operator wants to know: what would become of this recipient?
package struct ExplanationQuestion: Hashable, Sendable {
  /// A client's reverse name.
  package enum HostName: Hashable, Sendable {
    /// What a session's client would be called now.
    case resolved
    /// Empty is none.
    case given(String)
  }

  /// Nil is the null sender.
  package var sender: Address?
  /// Whom the message would be for.
  package var recipient: Address
  /// Where it would come from.
  package var source: SourceAddress
  /// What the client would say in HELO.
  package var helo: String
  /// What the client is called.
  package var hostName: HostName
  /// Who is authenticated; empty is nobody.
  package var user: String
  /// The tag of the listener.
  package var tag: String
  /// Whether the session would be encrypted.
  package var transport: SessionFacts.Transport

  package init(sender: Address?, recipient: Address, source: SourceAddress) {
    self.sender = sender
    self.recipient = recipient
    self.source = source
    helo = ""
    hostName = .resolved
    user = ""
    tag = ""
    transport = .clear
  }

  func encode(to writer: inout ByteWriter) {
    writer.write(UInt8(sender == nil ? 0 : 1))
    for address in [sender, recipient].compactMap({ $0 }) {
      writer.write(address.local)
      writer.write(address.domain)
    }
    let source = IPAddress(source)?.bytes ?? []
    writer.write(source)
    for text in [helo, user, tag] { writer.write(text) }
    writer.write(UInt8(transport == .tls ? 1 : 0))
    switch hostName {
    case .resolved: writer.write(UInt8(0))
    case .given(let name):
      writer.write(UInt8(1))
      writer.write(name)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    let hasSender = try reader.readByte()
    guard hasSender <= 1 else { throw .invalid(field: "sender") }
    sender = try hasSender == 1 ? ExplanationQuestion.address(&reader) : nil
    recipient = try ExplanationQuestion.address(&reader)
    let bytes = try reader.readBytes(of: "source", atMost: 16)
    if bytes.isEmpty {
      source = .local
    } else if let address = IPAddress(bytes: bytes) {
      source = address.source
    } else {
      throw .invalid(field: "source")
    }
    helo = try ExplanationQuestion.text(&reader)
    user = try ExplanationQuestion.text(&reader)
    tag = try ExplanationQuestion.text(&reader)
    transport = try reader.readByte() == 1 ? .tls : .clear
    hostName =
      switch try reader.readByte() {
      case 0: .resolved
      case 1: .given(try ExplanationQuestion.text(&reader))
      default: throw .invalid(field: "host name")
      }
  }

  private static func text(_ reader: inout ByteReader) throws(DecodingError) -> String {
    try reader.readString(of: "text", atMost: ControlLimits.name)
  }

  private static func address(_ reader: inout ByteReader) throws(DecodingError) -> Address {
    let local = try reader.readString(of: "local part", atMost: ControlLimits.addressPart)
    let domain = try reader.readString(of: "domain", atMost: ControlLimits.addressPart)
    return Address(local: local, domain: domain)
  }
}

/// One node of the tree that a recipient expands to.
package struct ExplanationNode: Hashable, Sendable {
  /// A rule that was tried.
  package struct Rule: Hashable, Sendable {
    /// Of the configuration.
    package var line: Int
    /// The first criterion that did not hold; nil when all did.
    package var lacks: String?

    package init(line: Int, lacks: String?) {
      self.line = line
      self.lacks = lacks
    }
  }

  /// The place of the node that named it; nil for the recipient.
  package var parent: Int?
  /// What it is: an address, a user, a command, a file.
  package var name: String
  /// Every rule up to the one that matched, in order.
  package var rules: [Rule] = []
  /// What was found out, in its order.
  package var notes: [String] = []

  package init(parent: Int?, name: String) {
    self.parent = parent
    self.name = name
  }

  func encode(to writer: inout ByteWriter) {
    writer.writeVariable(UInt64(parent.map { $0 + 1 } ?? 0))
    writer.write(name.cut(to: ControlLimits.findingText))
    let rules = rules.suffix(ControlLimits.explainedRules)
    writer.writeVariable(UInt64(rules.count))
    for rule in rules {
      writer.writeVariable(UInt64(rule.line))
      writer.write(rule.lacks ?? "")
    }
    let notes = notes.prefix(ControlLimits.explainedNotes)
    writer.writeVariable(UInt64(notes.count))
    for note in notes { writer.write(note.cut(to: ControlLimits.findingText)) }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    let parent = try reader.readCount(of: "parent", atMost: Int(Int32.max))
    self.init(
      parent: parent > 0 ? parent - 1 : nil,
      name: try reader.readString(of: "name", atMost: ControlLimits.findingText)
    )
    for _ in 0..<(try reader.readCount(of: "rules", atMost: ControlLimits.explainedRules)) {
      let line = try reader.readCount(of: "line", atMost: Int(Int32.max))
      let lacks = try reader.readString(of: "criterion", atMost: ControlLimits.name)
      rules.append(Rule(line: line, lacks: lacks.isEmpty ? nil : lacks))
    }
    for _ in 0..<(try reader.readCount(of: "notes", atMost: ControlLimits.explainedNotes)) {
      notes.append(try reader.readString(of: "note", atMost: ControlLimits.findingText))
    }
  }
}

/// A part of the tree, in the order in which its nodes were named.
package struct ExplanationPage: Hashable, Sendable {
  /// What would be answered to the recipient; the same in each page.
  package var verdict: String
  /// The tree, parents before their children.
  package var nodes: [ExplanationNode]

  package init(verdict: String, nodes: [ExplanationNode]) {
    self.verdict = verdict
    self.nodes = nodes
  }

  /// As many nodes in a page as it has room for; at least one page.
  package static func pages(verdict: String, _ nodes: [ExplanationNode]) -> [ExplanationPage] {
    var pages = [ExplanationPage(verdict: verdict, nodes: [])]
    var size = 0
    for node in nodes {
      var writer = ByteWriter()
      node.encode(to: &writer)
      let length = writer.finish().count
      let last = pages.count - 1
      let isFull =
        size + length > ControlLimits.pageBytes
        || pages[last].nodes.count == ControlLimits.rowsPerPage
      if isFull, !pages[last].nodes.isEmpty {
        pages.append(ExplanationPage(verdict: verdict, nodes: [node]))
        size = length
      } else {
        pages[last].nodes.append(node)
        size += length
      }
    }
    return pages
  }

  func encode(to writer: inout ByteWriter) {
    writer.write(verdict.cut(to: ControlLimits.text))
    writer.writeVariable(UInt64(nodes.count))
    for node in nodes { node.encode(to: &writer) }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    verdict = try reader.readString(of: "verdict", atMost: ControlLimits.text)
    nodes = []
    for _ in 0..<(try reader.readCount(of: "nodes", atMost: ControlLimits.rowsPerPage)) {
      nodes.append(try ExplanationNode(from: &reader))
    }
  }
}
