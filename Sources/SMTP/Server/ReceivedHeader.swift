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

  var bytes: [UInt8] {
    var text = "Received: "
    if configuration.source == .shown {
      text += "from \(identity.name) (\(client.hostname) \(client.bracketedSource))\n\t"
    }
    text += "by \(configuration.serverName) (\(configuration.software)) "
    // The kernel has said who uses the submission socket.
    let authenticated = client.source == .local ? "A" : ""
    text += "with \(identity.protocolName)\(encryption == nil ? "" : "S")\(authenticated) id \(id)"
    if let encryption {
      text += " (\(encryption.version):\(encryption.cipher):\(encryption.bits):"
      text += encryption.client == .verified ? "YES)" : "NO)"
    }
    if let recipient { text += "\n\tfor <\(recipient)>" }
    text += ";\n\t\(date)\n"
    return Array(text.utf8)
  }
}
