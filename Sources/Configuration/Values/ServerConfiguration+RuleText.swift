// SPDX-License-Identifier: ISC

extension ServerConfiguration {
  func statement(_ rule: Rule) -> String {
    var text = "match"
    if let tag = rule.tag { text += criterion("tag", tag) }
    switch rule.source {
    case .any(let sense): text += " \(sense.mark)from any"
    case .local(let sense): text += " \(sense.mark)from local"
    case .socket(let sense): text += " \(sense.mark)from socket"
    case .address(let test): text += criterion("from src", test)
    case .named(let sense): text += " \(sense.mark)from rdns"
    case .reverseName(let test): text += criterion("from rdns", test)
    }
    switch rule.destination {
    case .any(let sense): text += " \(sense.mark)for any"
    case .local(let sense): text += " \(sense.mark)for local"
    case .domain(let test): text += criterion("for domain", test)
    }
    if let helo = rule.helo { text += criterion("helo", helo) }
    switch rule.authentication {
    case .anybody(let sense): text += " \(sense.mark)auth"
    case .user(let test): text += criterion("auth", test)
    case nil: break
    }
    if let encryption = rule.encryption { text += " \(encryption.mark)tls" }
    if let sender = rule.sender { text += criterion("mail-from", sender) }
    if let recipient = rule.recipient { text += criterion("rcpt-to", recipient) }
    return switch rule.outcome {
    case .reject: text + " reject"
    case .action(let index): text + " action \(quoted(actions[index].name))"
    }
  }

  private func criterion(_ words: String, _ test: Rule.Test) -> String {
    let comparison = test.comparison == .patterns ? "regex " : ""
    return " \(test.sense.mark)\(words) \(comparison)\(tables[test.table.rawValue].reference)"
  }
  func statement(_ filter: Filter) -> String {
    let kind =
      switch filter.kind {
      case .shared(let process): "proc \(quoted(process))"
      case .own(let program): "proc-exec \(program.text)"
      case .chain(let names): "chain \(names.braced)"
      case .builtIn(let builtIn):
        "phase \(builtIn.phase.rawValue) match\(text(builtIn.condition)) \(builtIn.decision.text)"
      }
    return "filter \(quoted(filter.name)) \(kind)"
  }

  private func text(_ condition: Filter.Condition) -> String {
    switch condition {
    case .confirmedName(let sense): " \(sense.mark)fcrdns"
    case .named(let sense): " \(sense.mark)rdns"
    case .reverseName(let test): criterion("rdns", test)
    case .address(let test): criterion("src", test)
    case .helo(let test): criterion("helo", test)
    case .authenticated(let sense): " \(sense.mark)auth"
    case .user(let test): criterion("auth", test)
    case .sender(let test): criterion("mail-from", test)
    case .recipient(let test): criterion("rcpt-to", test)
    }
  }

  /// A filter as a listener or an action names it.
  func reference(filter name: String) -> String {
    guard case .chain(let names)? = filters.first(where: { $0.name == name })?.kind,
      name.hasPrefix("<")
    else { return quoted(name) }
    return names.braced
  }
}

extension [String] {
  /// `{ "a", "b" }`
  var braced: String { "{ \(map(quoted).joined(separator: ", ")) }" }
}

extension Filter.Decision {
  fileprivate var text: String {
    switch self {
    case .reject(let reply): "reject \(quoted(reply))"
    case .disconnect(let reply): "disconnect \(quoted(reply))"
    case .rewrite(let value): "rewrite \(quoted(value))"
    case .report(let value): "report \(quoted(value))"
    case .junk: "junk"
    case .bypass: "bypass"
    }
  }
}

extension FilterProcess.Program {
  var text: String {
    var text = quoted(command)
    if let user { text += " user \(quoted(user))" }
    if let group { text += " group \(quoted(group))" }
    if let root { text += " chroot \(quoted(root))" }
    return text
  }
}
