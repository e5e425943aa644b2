// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import Policy

/// The envelopes that a recipient stands for, made a frame at a time.
struct EnvelopeParts {
  private let drafts: [EnvelopeDraft]
  private let message: MessageID
  private let index: UInt16
  private let created: Instant
  /// As the client asked for them.
  var notify: NotifyConditions = []
  var originalRecipient: String?
  private var made = 0
  private var measured = 0
  private var bytes = 0
  private var hasRoom = false

  /// - Parameter index: the recipient's place in the transaction.
  init(_ drafts: [EnvelopeDraft], of message: MessageID, index: UInt16, created: Instant) {
    self.drafts = drafts
    self.message = message
    self.index = index
    self.created = created
  }

  /// Whether all of them have been made.
  var isOver: Bool { made == drafts.count }

  /// As many as are sent in one turn.
  mutating func next() -> [Envelope] {
    let end = min(made + ExpansionLimits.slice, drafts.count)
    defer { made = end }
    return (made..<end).map(envelope)
  }

  /// What one turn comes to where they need room.
  enum Step {
    /// There is more to measure.
    case measured
    /// They are more than there is room for; nothing was taken.
    case noRoom
    case part([Envelope])
  }

  /// Measures them a turn at a time, takes the room for all, and makes them, as many in a turn as `next`.
  mutating func next(within room: TransactionRooms.Room) -> Step {
    guard !hasRoom else { return .part(next()) }
    let end = min(measured + ExpansionLimits.slice, drafts.count)
    bytes += (measured..<end).reduce(0) { $0 + envelope(at: $1).memoryBytes }
    measured = end
    guard measured == drafts.count else { return room.has(inUsualLength) ? .measured : .noRoom }
    guard room.take(inUsualLength) else { return .noRoom }
    hasRoom = true
    return .part(next())
  }

  /// How many of usual length take as much of the queue's memory as those that were measured, but at least
  /// how many there are.
  var inUsualLength: Int { max(drafts.count, (bytes - 1) / EdgeLimits.usualEnvelope + 1) }

  private func envelope(at place: Int) -> Envelope {
    var envelope = drafts[place].envelope(id: id(at: place), created: created)
    envelope.notify = notify
    envelope.originalRecipient = originalRecipient
    return envelope
  }

  /// Of all of them.
  var ids: [EnvelopeID] { drafts.indices.map(id) }

  /// The recipient's place in the transaction above the envelope's place in the expansion: distinct
  /// without asking anybody.
  private func id(at place: Int) -> EnvelopeID {
    let low = UInt32(index) << 16 + UInt32(place) + 1
    guard let id = EnvelopeID(message: message, low: low) else {
      preconditionFailure("an envelope without a number")
    }
    return id
  }
}
