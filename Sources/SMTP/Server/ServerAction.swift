// SPDX-License-Identifier: ISC

package import Mail

extension ServerSession {
  /// What the driver has to do. The actions of one list are done in their order; an answer may be
  /// given while the rest of the list waits, and its actions are then done behind that rest.
  package enum Action: Equatable, Sendable {
    /// Send these bytes, in one write.
    case write([UInt8])
    /// Reserve a message identifier and begin; answer with `transactionAnswered`.
    case beginTransaction(MailCommand)
    /// Ask whether mail for this recipient is taken; answer with `recipientAnswered`. Many may be
    /// asked at once, and may be answered in any order.
    case checkRecipient(RecipientCommand)
    /// The next bytes of the message, its lines ended by LF, beginning with Received.
    case bodyChunk([UInt8])
    /// The message is whole. Answer with `messageAnswered` once it would survive a power cut.
    case submit(Message, recipients: Int)
    /// The transaction that was begun ends here; nothing of it is kept. May come before the answer to
    /// `beginTransaction`, which is then not waited for.
    case abort
    /// Put the connection under TLS, behind what was written; answer with `secured`, or `tlsFailed`.
    case secure
    /// Find out whether it is that user; answer with `authenticationAnswered`.
    case verify(Credentials)
    /// Ask whether the user may send from this address, nil being the null one; answer with
    /// `senderAnswered`.
    case checkSender(Address?, user: String)
    case log(LogEvent)
    /// Close when everything is written. The last action of a session.
    case close(CloseReason)
  }

  /// A line for the log, without the session's identifier.
  package enum LogEvent: Equatable, Sendable {
    case failedCommand(command: String, result: String)
    case badInput(result: String)
    case authentication(user: String, AuthenticationResult)
    case message(MessageID, size: Int, recipients: Int, protocol: String)
  }

  /// Why a session ended: the word of the log's `reason=`.
  package enum CloseReason: String, Equatable, Sendable {
    case quit
    case timeout
    case disconnect
    case badInput = "bad-input"
    case refused
    case shutdown
    case failure = "internal-error"
    case tlsFailed = "tls-accept-failed"
  }

  /// The answer to `beginTransaction`.
  package enum TransactionAnswer: Equatable, Sendable {
    case opened(MessageID)
    /// Nothing was begun: 452 when there is no room, for instance.
    case refused(Reply)
  }

  /// The answer to `checkRecipient`.
  package enum RecipientVerdict: Equatable, Sendable {
    /// Taken, as this many envelopes.
    case accepted(envelopes: Int)
    case refused(Reply)
  }

  /// The answer to `submit`.
  package enum MessageAnswer: Equatable, Sendable {
    /// It would survive a power cut.
    case stored
    case refused(Reply)
  }
}

/// A valid MAIL command.
package struct MailCommand: Hashable, Sendable {
  /// Nil is the null reverse path.
  package var sender: Address?
  /// SIZE of RFC 1870.
  package var declaredSize: Int?
  package var content = ContentFlags()
  /// RET of RFC 3461.
  package var returnContent: ReturnContent?
  /// ENVID of RFC 3461, decoded from xtext.
  package var envelopeIdentifier: String?

  package init(sender: Address?) { self.sender = sender }
}

/// A valid RCPT command.
package struct RecipientCommand: Hashable, Sendable {
  /// Counts the recipients that were asked about in this transaction, from zero.
  package var index = 0
  package var address: Address
  /// NOTIFY of RFC 3461; empty when the client did not say.
  package var notify: NotifyConditions = []
  /// ORCPT of RFC 3461 as `type;address`, the address decoded from xtext.
  package var originalRecipient: String?

  package init(address: Address) { self.address = address }
}
