// SPDX-License-Identifier: ISC

package import Mail

/// What a relay is: a destination and all that makes one connection to it unlike another. Tasks of one
/// relay share its sessions.
package struct RelayKey: Hashable, Sendable {
  package var destination: MailExchangers.Destination
  package var transport: RelayTransport
  package var port: UInt16
  package var label: String?
  /// The action whose table has the credentials of the label.
  package var loginAction: String?
  package var helo: String
  package var heloBySource: [IPAddress: String]
  /// Used in turn; empty: the system chooses.
  package var sources: [IPAddress]
  package var backup: RelayAction.BackupRule
  /// The action whose local socket it is, which the supervisor connects as the action's user.
  package var socketAction: String?
  /// What its action says about TLS.
  package var security: RelaySecurity

  /// The relay of an action by MX.
  package init(domain: String, port: UInt16, action: RelayAction) {
    destination = .domain(domain)
    transport = .smtp
    self.port = port
    helo = action.helo
    heloBySource = action.heloBySource
    sources = action.sources
    backup = action.backup
    security = action.security
  }

  /// The relay of one smart host of an action.
  package init(host: SmartHost, action: RelayAction, named name: String) {
    destination = .host(host.host)
    transport = host.transport
    port = host.port
    label = host.label
    if host.label != nil { loginAction = name }
    helo = action.helo
    heloBySource = action.heloBySource
    sources = action.sources
    backup = action.backup
    security = action.security
  }

  /// The server of an action with the method `lmtp`.
  package init(lmtp action: LMTPAction, named name: String) {
    destination = .host(action.host)
    transport = .lmtp
    port = action.port
    helo = action.helo
    heloBySource = [:]
    sources = []
    backup = .ordinary
    security = RelaySecurity()
    if case .socket = action.host { socketAction = name }
  }

  /// When its connections are encrypted.
  package var mode: RelaySecurity.Mode { security.mode(over: transport) }

  /// The domain or host, for limits that are per domain.
  package var domain: String {
    switch destination {
    case .domain(let name): name
    case .host(let host): host.description
    }
  }
}

extension RelayKey: CustomStringConvertible {
  /// The form of log lines and `smtpctl show relays`: `[relay:example.org,smtp]`.
  package var description: String {
    var parts = [domain]
    if port != 25 { parts.append("port=\(port)") }
    let isLifted = transport == .smtp && security.encryption == .required
    parts.append((isLifted ? .smtpTLS : transport).rawValue)
    if let label { parts.append("auth=\(label)") }
    if let name = security.certificate { parts.append("pki_name=\(name)") }
    if case .host = destination { parts.append("mx") }
    if let socketAction { parts.append("action=\(socketAction)") }
    if case .behind(let name) = backup { parts.append("backup=\(name)") }
    if !sources.isEmpty {
      parts.append("sourcetable=" + sources.map(\.description).joined(separator: " "))
    }
    parts.append("heloname=\(helo)")
    return "[relay:" + parts.joined(separator: ",") + "]"
  }
}
