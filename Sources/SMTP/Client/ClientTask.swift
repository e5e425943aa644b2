// SPDX-License-Identifier: ISC

package import Mail

/// One message for recipients at one destination.
package struct ClientTask: Hashable, Sendable {
  /// Nil is the null reverse path.
  package var sender: Address?
  /// At least one.
  package var recipients: [ClientRecipient]
  /// Bytes of the stored message.
  package var size: Int
  package var content = ContentFlags()
  /// RET of RFC 3461.
  package var returnContent: ReturnContent?
  /// ENVID of RFC 3461, not encoded.
  package var envelopeIdentifier: String?

  package init(sender: Address?, recipients: [ClientRecipient], size: Int) {
    precondition(!recipients.isEmpty)
    self.sender = sender
    self.recipients = recipients
    self.size = size
  }
}

/// A recipient of a task; the session names it by its place in the list.
package struct ClientRecipient: Hashable, Sendable {
  /// What the server is told.
  package enum Form: Hashable, Sendable {
    case address
    /// The local part alone, as LMTP servers know their users.
    case name
  }

  package var address: Address
  /// What RCPT says.
  package var form = Form.address
  /// NOTIFY of RFC 3461; empty when the sender did not say.
  package var notify: NotifyConditions = []
  /// ORCPT of RFC 3461 as `type;address`, not encoded.
  package var originalRecipient: String?

  package init(address: Address) { self.address = address }
}

extension ClientSession {
  /// What the driver has to do, in this order.
  package enum Action: Equatable, Sendable {
    /// Send these bytes, in one write.
    case write([UInt8])
    /// Put the connection under TLS; answer with `secured`, `tlsFailed` or `unsigned`.
    case secure
    /// The session takes a task: `start`, or `quit`.
    case ready
    /// Hand over the message with `bodyChunk` and `bodyEnded`.
    case sendBody
    /// What became of a recipient, named by its place in the task. One for each, before `taskEnded`.
    case outcome(recipient: Int, Outcome)
    /// Every recipient has its outcome. `ready` or `close` follows, perhaps much later.
    case taskEnded
    /// Nobody was ever accepted, and too many were refused: the host takes no mail from here.
    case rejectsAllMail
    /// Close the connection. The last action of a session.
    case close(CloseReason)
  }

  /// What became of a recipient. Texts have no control characters.
  package enum Outcome: Hashable, Sendable {
    case delivered(Reply)
    case temporary(EnhancedStatus?, String)
    case permanent(EnhancedStatus?, String)
  }

  /// Why a session ended.
  package enum CloseReason: Hashable, Sendable {
    /// We said QUIT.
    case quit
    /// The server refused to serve us: its greeting, or its answer to HELO. Also a 421 at any time.
    case refused(Reply)
    /// The server closed the connection.
    case lost
    case timeout
    /// The server's replies make no sense, or are too long.
    case nonsense(String)
    /// The message could not be sent to its end.
    case bodyAborted
    /// TLS is required, and the server does not offer it or takes it back.
    case tlsUnavailable
    /// The handshake failed, or the certificate is not what is required.
    case tlsFailed(String)
    /// The handshake failed for want of our own signature.
    case unsigned(String)
    /// We have to say who we are, and the server does not let us, or not over TLS.
    case authenticationUnavailable
    /// The server does not take who we are.
    case authenticationRefused(Reply)
  }
}
