// SPDX-License-Identifier: ISC

internal import Mail

extension ServerConfiguration {
  /// The configuration as a file that means the same: one statement a line, macros and includes
  /// resolved, what is as it would be anyway left out.
  package var normalizedText: String {
    var lines = tables.filter { !$0.name.hasPrefix("<") }.map(\.statement)
    lines += pkis.flatMap(\.statements)
    lines += authorities.map { "ca \(quoted($0.name)) cert \(quoted($0.certificate))" }
    lines += settings
    lines += srs.statements
    lines += wrappers.map { "mda wrapper \(quoted($0.name)) \(quoted($0.command.text))" }
    lines += filterProcesses.map { "proc \(quoted($0.name)) \($0.program.text)" }
    lines += filters.filter { !$0.name.hasPrefix("<") }.map(statement)
    if socketOptions != Listener.Options() {
      lines.append("listen on socket\(text(socketOptions))")
    }
    lines += listeners.map(statement)
    lines += actions.map(statement)
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
    add(\.localLimits.timeout) { "mda limit timeout \($0.configurationText)" }
    for key in SchedulingLimits.Key.allCases {
      add((\Self.schedulingLimits).appending(path: key.path)) {
        "scheduler limit \(key.rawValue) \($0)"
      }
    }
    add(\.resolver) { "resolver \($0.text)" }
    add(\.systemPasswords) { "auth \($0.text)" }
    add(\.ciphers) { "smtp ciphers \(quoted($0 ?? ""))" }
    add(\.administrativeDomain) { "admd \(quoted($0 ?? ""))" }
    add(\.compression) { _ in "queue compression" }
    add(\.encryption) { "queue encryption\($0.text)" }
    return lines
  }
}

/// A string in quotes, as the lexer reads it.
func quoted(_ text: String) -> String {
  // Only a word ends with a backslash, which would hide a quote or a line's end behind it.
  if text.hasSuffix("\\") { return text + " " }
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
  var mark: String { self == .fails ? "!" : "" }
}

extension Duration {
  /// As the configuration writes it, in the largest unit that divides it.
  var configurationText: String {
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
  var reference: String {
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
    case .systemAccounts: quoted("getpwnam:")
    case .database(let path): quoted("db:\(path)")
    case .helper(.command(let command)): quoted("proc:\(command)")
    case .helper(.named(let type, let path)): quoted("\(type):\(path)")
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

extension SystemPasswords {
  fileprivate var text: String {
    switch self {
    case .shadow: "shadow"
    case .pam(let service): "pam \(quoted(service.text))"
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

extension QueueEncryption {
  fileprivate var text: String {
    switch self {
    case .none, .prompted: ""
    case .standardInput: " stdin"
    case .key(let key): " \(quoted(key))"
    }
  }
}

extension PKI {
  fileprivate var statements: [String] {
    let start = "pki \(quoted(name))"
    let lines = ["\(start) cert \(quoted(certificate))", "\(start) key \(quoted(key))"]
    return exchange == .none ? lines : lines + ["\(start) dhe \(exchange.rawValue)"]
  }
}

extension SRSSettings {
  fileprivate var statements: [String] {
    var lines: [String] = []
    if let key { lines.append("srs key \(quoted(key))") }
    if let backupKey { lines.append("srs key backup \(quoted(backupKey))") }
    if days != SRSSettings().days { lines.append("srs ttl \(days)d") }
    return lines
  }
}
