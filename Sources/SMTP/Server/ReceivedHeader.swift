// SPDX-License-Identifier: ISC

internal import Mail

/// The Received field that begins every message (RFC 5321 section 4.4), lines ended by LF.
struct ReceivedHeader {
  let configuration: ServerSession.Configuration
  let client: ServerSession.Client
  let identity: ServerSession.Identity
  let id: MessageID
  /// The one recipient; nil when there are more.
  let recipient: Address?
  let date: String
  /// Nil when the session is not encrypted.
  let encryption: ServerSession.Encryption?
  /// Nil when nobody authenticated.
  let user: String?

  var bytes: [UInt8] {
    var text = "Received: "
    if configuration.source == .shown {
      text += "from \(identity.name) (\(client.hostname) \(client.bracketedSource))\n\t"
    }
    text += "by \(configuration.serverName) (\(configuration.software)) "
    // The kernel has said who uses the submission socket.
    let isAuthenticated = user != nil || client.source == .local
    text += "with \(identity.protocolName)\(encryption == nil ? "" : "S")"
    text += "\(isAuthenticated ? "A" : "") id \(id)"
    if let encryption {
      text += " (\(encryption.version):\(encryption.cipher):\(encryption.bits):"
      text += encryption.client == .verified ? "YES)" : "NO)"
      if configuration.receivedAuthentication == .shown { text += authentication }
    }
    if let recipient { text += "\n\tfor <\(recipient)>" }
    text += ";\n\t\(date)\n"
    return Array(text.utf8)
  }

  /// The name may have any character but control characters; the field has ASCII only.
  private var authentication: String {
    guard let user else { return " auth=no" }
    return " auth=yes user=" + user.asOneWord
  }
}
