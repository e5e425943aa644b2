// SPDX-License-Identifier: ISC

internal import Mail

/// A transaction that a session has begun, as the edges see it: it may outlive its session until all
/// that was asked about it is answered.
final class OpenTransaction {
  let id: MessageID
  /// What lookup is told about the message with each recipient.
  let message: Message
  /// Recipients that lookup has not answered.
  var questions = 0
  /// Bytes of the body that were sent and not credited.
  var unacknowledged = 0
  /// The session does not want it any more.
  var isAborted = false
  /// The recipients, and the envelopes that lookup has sent to the queue for them.
  var recipients = AcceptedRecipients()
  /// The lowest generation of the edges that lookup has sent them over; the highest of all until it has.
  var oldestEdge = UInt32.max
  /// Counts it among the messages of its local submitter for as long as it lives.
  var slot: LocalSubmitters.MessageSlot?
  /// Counts its envelopes among those of its client until the queue has none of them.
  var share: OpenEnvelopes.Share?

  init(id: MessageID, message: Message) {
    self.id = id
    self.message = message
  }
}
