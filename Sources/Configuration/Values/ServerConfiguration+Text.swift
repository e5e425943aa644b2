// SPDX-License-Identifier: ISC

internal import Mail

extension ServerConfiguration {
  /// The configuration as a file that means the same: one statement a line, macros and includes
  /// resolved, what is as it would be anyway left out.
  package var normalizedText: String {
    var lines = tables.filter { !$0.name.hasPrefix("<") }.map(\.statement)
    lines += settings
    lines +=
      socketOptions == Listener.Options()
      ? [] : ["listen on socket\(socketOptions.text)"]
    lines += listeners.map(\.statement)
    lines += actions.map(\.statement)
    lines += rules.map(statement)
    return lines.map { $0 + "\n" }.joined()
  }

  private var settings: [String] {
    let usual = ServerConfiguration(facts: facts)
    var lines: [String] = []
    func add<Value: Equatable>(_ path: KeyPath<Self, Value>, _ text: (Value) -> String) {
      if self[keyPath: path] != usual[keyPath: path] { lines.append(text(self[keyPath: path])) }
    }
    add(\.backend) { "queue backend \($0.rawValue)" }
    add(\.timeToLive) { "queue ttl \($0.configurationText)" }
    add(\.warnIntervals) { intervals in
      "bounce warn-interval \(intervals.map(\.configurationText).joined(separator: ", "))"
    }
    for key in ReceptionLimits.Key.allCases {
      add((\Self.reception).appending(path: key.path)) { "smtp limit \(key.rawValue) \($0)" }
    }
    add(\.reception.timeout) { "smtp limit timeout \($0.configurationText)" }
    add(\.reception.messageSizeMax) { "smtp max-message-size \($0)" }
    add(\.subaddressDelimiter) { "smtp sub-addr-delim \(quoted(String(Unicode.Scalar($0))))" }
    add(\.deferredMax) { "mta max-deferred \($0)" }
    // Limits for a domain begin as the general ones, and are given whole.
    add(\.relayLimits) { "mta limit\($0.text)" }
    for (domain, limits) in relayLimitsByDomain.sorted(by: { $0.key < $1.key }) {
      lines.append("mta limit for domain \(quoted(domain))\(limits.text)")
    }
    for key in LocalLimits.Key.allCases {
      add((\Self.localLimits).appending(path: key.path)) { "mda limit \(key.rawValue) \($0)" }
    }
    for key in SchedulingLimits.Key.allCases {
      add((\Self.schedulingLimits).appending(path: key.path)) {
        "scheduler limit \(key.rawValue) \($0)"
      }
    }
    add(\.resolver) { "resolver \($0.text)" }
    return lines
  }

  private func statement(_ rule: Rule) -> String {
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
}

/// A string in quotes, as the lexer reads it.
private func quoted(_ text: String) -> String {
  var result = "\""
  var previous: Unicode.Scalar = "a"
  for scalar in text.unicodeScalars {
    let isHidden = previous == "\\" && (scalar == " " || scalar == "\t")
    if scalar == "\"" || isHidden { result += "\\" }
    result.unicodeScalars.append(scalar)
    previous = scalar
  }
  return result + "\""
}

extension Rule.Sense {
  fileprivate var mark: String { self == .fails ? "!" : "" }
}

extension Duration {
  fileprivate var configurationText: String {
    let seconds = wholeSeconds
    for (unit, length) in [("d", Int64(86400)), ("h", 3600), ("m", 60)]
    where seconds % length == 0 {
      return "\(seconds / length)\(unit)"
    }
    return "\(seconds)s"
  }
}

extension TableDeclaration {
  fileprivate var statement: String { "table \(quoted(name)) \(content.text)" }

  /// As a directive names it; an anonymous one is written out.
  fileprivate var reference: String {
    if name.hasPrefix("<dynamic:") { return content.text }
    return name.hasPrefix("<") ? name : "<\(quoted(name))>"
  }
}

extension TableDeclaration.Content {
  fileprivate var text: String {
    switch self {
    case .list(let entries): "{ \(entries.map(quoted).joined(separator: ", ")) }"
    case .map(let pairs):
      "{ \(pairs.map { "\(quoted($0.key)) = \(quoted($0.value))" }.joined(separator: ", ")) }"
    case .file(let path): quoted(path)
    case .systemAccounts: TableDeclaration.systemAccounts
    }
  }
}

extension ResolverSettings {
  fileprivate var text: String {
    switch self {
    case .system: "system"
    case .recursive: "recursive"
    case .servers(let servers): servers.map { "\($0.address)@\($0.port)" }.joined(separator: " ")
    }
  }
}

extension RelayLimits {
  fileprivate var text: String {
    let family =
      switch self.family {
      case .any: ""
      case .inet4: " inet4"
      case .inet6: " inet6"
      }
    return family + Key.allCases.map { " \($0.rawValue) \(self[$0])" }.joined()
  }
}

extension Listener {
  fileprivate var statement: String {
    let family =
      switch target {
      case .name(_, .inet4): " inet4"
      case .name(_, .inet6): " inet6"
      case .name(_, .any), .address: ""
      }
    return "listen on \(quoted(target.description))\(family) port \(port)\(options.text)"
  }
}

extension Listener.Options {
  fileprivate var text: String {
    var text = hostName.map { " hostname \(quoted($0))" } ?? ""
    if !tag.isEmpty { text += " tag \(quoted(tag))" }
    if receivedSource == .masked { text += " mask-src" }
    if notifications == .refused { text += " no-dsn" }
    return text
  }
}

extension DeliveryAction {
  fileprivate var statement: String {
    let method =
      switch self.method {
      case .local(let local): local.text
      case .relay(let relay): relay.text
      }
    let limit = timeToLive.map { " ttl \($0.configurationText)" } ?? ""
    return "action \(quoted(name)) \(method)\(limit)"
  }
}

extension DeliveryAction.Local {
  fileprivate var text: String {
    let agent =
      switch self.agent {
      case .maildir(let path, let junk):
        "maildir\(path.map { " \(quoted($0.text))" } ?? "")\(junk == .ownFolder ? " junk" : "")"
      case .command(let command): "mda \(quoted(command.text))"
      }
    return agent + (user.map { " user \(quoted($0))" } ?? "")
  }
}

extension DeliveryAction.Relay {
  fileprivate var text: String {
    var text = "relay"
    if !hosts.isEmpty { text += " host \(list(hosts))" }
    if let helo { text += " helo \(quoted(helo))" }
    if !heloBySource.isEmpty {
      let pairs = heloBySource.map { "\(quoted($0.key.description)) = \(quoted($0.value))" }
      text += " helo-src { \(pairs.sorted().joined(separator: ", ")) }"
    }
    if !sources.isEmpty { text += " src \(list(sources))" }
    switch rewrite {
    case .address(let address): text += " mail-from \(quoted(address.description))"
    case .local(let local): text += " mail-from \(quoted(local))"
    case .domain(let domain): text += " mail-from \(quoted("@\(domain)"))"
    case nil: break
    }
    if let backup { text += " backup mx \(quoted(backup))" }
    return text
  }

  private func list(_ values: [some CustomStringConvertible]) -> String {
    "{ \(values.map { quoted($0.description) }.joined(separator: ", ")) }"
  }
}
