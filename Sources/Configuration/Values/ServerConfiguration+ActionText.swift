// SPDX-License-Identifier: ISC

internal import Mail

extension ServerConfiguration {
  func statement(_ action: DeliveryAction) -> String {
    let method =
      switch action.method {
      case .local(let local): text(local)
      case .relay(let relay): text(relay)
      }
    let limit = action.timeToLive.map { " ttl \($0.configurationText)" } ?? ""
    return "action \(quoted(action.name)) \(method)\(limit)"
  }

  /// A table as a directive names it.
  private func text(_ table: TableIndex) -> String { tables[table.rawValue].reference }

  private func text(_ local: DeliveryAction.Local) -> String {
    var text =
      switch local.agent {
      case .maildir(let path, let junk):
        "maildir\(path.map { " \(quoted($0.text))" } ?? "")\(junk == .ownFolder ? " junk" : "")"
      case .command(let command): "mda \(quoted(command.text))"
      case .mbox: "mbox"
      case .lmtp(let lmtp):
        "lmtp \(quoted("\(lmtp.destination)"))\(lmtp.recipient == .address ? " rcpt-to" : "")"
      case .forwardOnly: "forward-only"
      case .expandOnly: "expand-only"
      }
    if let user = local.user { text += " user \(quoted(user))" }
    switch local.aliases {
    case .alias(let table): text += " alias \(self.text(table))"
    case .virtual(let table): text += " virtual \(self.text(table))"
    case nil: break
    }
    if let table = local.userBase { text += " userbase \(self.text(table))" }
    if let wrapper = local.wrapper { text += " wrapper \(quoted(wrapper.name))" }
    return text
  }

  private func text(_ relay: DeliveryAction.Relay) -> String {
    var text = "relay"
    if let table = relay.tables.hosts {
      text += " host \(self.text(table))"
    } else if !relay.hosts.isEmpty {
      text += " host \(relay.hosts.map(\.description).braced)"
    }
    if let table = relay.tables.domains { text += " domain \(self.text(table))" }
    if let backup = relay.backup { text += " backup mx \(quoted(backup))" }
    if let helo = relay.helo { text += " helo \(quoted(helo))" }
    if let table = relay.tables.heloNames {
      text += " helo-src \(self.text(table))"
    } else if !relay.heloBySource.isEmpty {
      text += " helo-src \(map(relay.heloBySource.map { ($0.key.description, $0.value) }))"
    }
    if let table = relay.tables.sources {
      text += " src \(self.text(table))"
    } else if !relay.sources.isEmpty {
      text += " src \(relay.sources.map(\.description).braced)"
    }
    switch relay.rewrite {
    case .address(let address): text += " mail-from \(quoted(address.description))"
    case .local(let local):
      let address = Address(local: local, domain: "x").description
      text += " mail-from \(quoted(String(address.dropLast(2))))"
    case .domain(let domain): text += " mail-from \(quoted("@\(domain)"))"
    case nil: break
    }
    text += relay.security.text
    if let table = relay.credentials { text += " auth \(self.text(table))" }
    if let filter = relay.filter { text += " filter \(reference(filter: filter))" }
    if relay.forwardedSender == .rewritten { text += " srs" }
    return text
  }

  private func map(_ pairs: [(String, String)]) -> String {
    let entries = pairs.map { "\(quoted($0)) = \(quoted($1))" }
    return "{ \(entries.sorted().joined(separator: ", ")) }"
  }
}

extension DeliveryAction.RelaySecurity {
  fileprivate var text: String {
    var text = ""
    if encryption == .required { text += " tls\(verification == .waived ? " no-verify" : "")" }
    if let certificate { text += " pki \(quoted(certificate))" }
    if let authority { text += " ca \(quoted(authority))" }
    if let ciphers { text += " ciphers \(quoted(ciphers))" }
    if let protocols { text += " protocols \(quoted(protocols))" }
    return text
  }
}

extension ServerConfiguration {
  func statement(_ listener: Listener) -> String {
    let family =
      switch listener.target {
      case .name(_, .inet4): " inet4"
      case .name(_, .inet6): " inet6"
      case .name(_, .any), .address: ""
      }
    let start = "listen on \(quoted(listener.target.description))\(family)"
    return "\(start) port \(listener.port)\(text(listener.options))"
  }

  func text(_ options: Listener.Options) -> String {
    var text = options.security.text
    switch options.authentication.policy {
    case .none: break
    case .optional: text += " auth-optional"
    case .required: text += " auth"
    }
    if let table = options.authentication.credentials { text += " \(self.text(table))" }
    if let senders = options.senders {
      text += " senders \(self.text(senders.table))"
      if senders.header == .replaced { text += " masquerade" }
    }
    if let name = options.hostName { text += " hostname \(quoted(name))" }
    if let table = options.hostNames { text += " hostnames \(self.text(table))" }
    if let filter = options.filter { text += " filter \(reference(filter: filter))" }
    if !options.tag.isEmpty { text += " tag \(quoted(options.tag))" }
    if options.receivedSource == .masked { text += " mask-src" }
    if options.receivedAuthentication == .shown { text += " received-auth" }
    if options.notifications == .refused { text += " no-dsn" }
    if options.proxyHeader == .version2 { text += " proxy-v2" }
    return text
  }
}

extension Listener.Security {
  fileprivate var text: String {
    var text =
      switch encryption {
      case .none: ""
      case .offered: " tls"
      case .required: " tls-require"
      case .immediate: " smtps"
      }
    if clientCertificate == .demanded { text += " verify" }
    for name in certificates { text += " pki \(quoted(name))" }
    if let authority { text += " ca \(quoted(authority))" }
    if let ciphers { text += " ciphers \(quoted(ciphers))" }
    if let protocols { text += " protocols \(quoted(protocols))" }
    return text
  }
}
