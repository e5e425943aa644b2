// SPDX-License-Identifier: ISC

package import Mail

/// Where messages and envelopes are kept: the seam before the fs, sqlite, lmdb and ram backends.
///
/// Called from one thread, the store thread, and synchronous: a call returns when its effect is as
/// durable as the backend makes it. Values read back are checked; what cannot be read is quarantined,
/// counted, and never ends the service.
///
/// A store knows nothing of rules: that a message goes with its last envelope is Queue's business,
/// which says so with `Change.removeMessage`.
package protocol Store: AnyObject {
  /// Opens and recovers. Called once, before anything else.
  ///
  /// - Throws: `StoreError.busy` when another process has it, `.newerVersion`, `.damaged`,
  ///   `.unavailable`.
  func open() throws(StoreError) -> OpenReport

  /// Carries out all changes, durable on return: each message with its envelopes is inserted as a
  /// whole or not at all, and all changes of one call become durable together where the backend can.
  ///
  /// After a throw none of the changes may be taken for durable: those that inserted are absent now and
  /// after a restart, or were never answered with 250. A store that can no longer write safely keeps
  /// throwing until `reopen`.
  ///
  /// - Throws: `StoreError.exists` when a message that is inserted has the identifier of one that is
  ///   there, and `.absent` when an envelope is added to a message that is not: nothing was done then,
  ///   and the store goes on.
  func apply(_ changes: [Change]) throws(StoreError)

  /// Closes and opens again after a failed `apply`. Staged bodies stay, whoever they belong to: their
  /// messages may be on their way.
  ///
  /// - Throws: `StoreError.full` when that needs room; a reserve of the store's own has been given up
  ///   then, so that the next attempt may go well.
  func reopen() throws(StoreError) -> OpenReport

  /// Up to `count` bytes of a stored body from `offset`; fewer at its end only.
  ///
  /// - Throws: `StoreError.absent` when there is no such message, `.damaged` when it cannot be read.
  func body(of message: MessageID, from offset: Int, count: Int) throws(StoreError) -> [UInt8]

  /// The next envelopes in rising order of identifier, with their messages. Holds nothing open between
  /// calls. An unreadable record is quarantined on the way and left out.
  ///
  /// - Parameter limit: at least 1.
  func page(after: EnvelopeID?, limit: Int) throws(StoreError) -> EnvelopePage

  /// The same as records, their checksums checked. A store that keeps records need not decode them.
  func records(after: EnvelopeID?, limit: Int) throws(StoreError) -> RecordPage

  /// One envelope with its message; nil when it is not there or has been quarantined.
  func envelope(_ id: EnvelopeID) throws(StoreError) -> StoredEnvelope?

  /// Checks the records of the next messages behind `after`, both directions: every envelope has its
  /// message and body, every message and body an envelope, every checksum holds. What fails is
  /// quarantined and reported.
  func verify(after: MessageID?, limit: Int) throws(StoreError) -> VerifyPage

  /// What was moved aside.
  func quarantined() throws(StoreError) -> [QuarantinedRecord]

  /// The bytes of a quarantined record as they were found, at most 1 MiB of them.
  func quarantinedContent(_ name: String) throws(StoreError) -> [UInt8]

  /// Puts a quarantined record back, if it can be read now, and with a message what belongs to it.
  func restore(quarantined name: String) throws(StoreError) -> Restoration

  /// Looks for messages and envelopes that were put into the store by hand (fs only; others find none).
  func discover(_ message: MessageID) throws(StoreError) -> [StoredEnvelope]

  /// A small value that survives restarts: the identifier cursor, pauses. Written by `Change.set`.
  func setting(_ name: String) throws(StoreError) -> [UInt8]?

  func statistics() -> StoreStatistics

  /// Gives up the room that the store itself keeps for a full disk, until there is some again. Returns
  /// whether there was any: false for a store whose server keeps it.
  func releaseReserve() throws(StoreError) -> Bool

  /// Work that is better done while nothing waits: a checkpoint, giving space back. Bounded to some
  /// tens of milliseconds a call. Returns whether there is more to do.
  func maintain() throws(StoreError) -> MaintenanceState

  /// A clean stop; takes at most about `limit`, and leaves the rest to the next opening: with none, for who
  /// has only read, all of it.
  @discardableResult
  func close(within limit: Duration) throws(StoreError) -> CloseReport
}

extension Store {
  package func releaseReserve() throws(StoreError) -> Bool { false }

  package func records(after: EnvelopeID?, limit: Int) throws(StoreError) -> RecordPage {
    RecordPage(try page(after: after, limit: limit))
  }

  /// Whether this very message is there, and not another of its identifier.
  package func holds(_ message: Message) throws(StoreError) -> Bool {
    let before = EnvelopeID(UInt64(message.id.rawValue) << 32 - 1)
    return try page(after: before, limit: 1).envelopes.first?.message == message
  }

  /// What is wrong with a body that ended after `count` bytes; nil when that is all of it, or nobody
  /// knows better.
  package func shortage(of message: MessageID, after count: Int) throws(StoreError) -> String? {
    let before = EnvelopeID(UInt64(message.rawValue) << 32 - 1)
    guard let found = try page(after: before, limit: 1).envelopes.first?.message,
      found.id == message, found.size != count
    else { return nil }
    return "its body has \(count) bytes of \(found.size)"
  }
}

package enum MaintenanceState: Sendable {
  case done
  case more
}

/// One durable step. The order in an array is the order in which they take effect.
package enum Change: Sendable {
  /// A new message with all its envelopes, at least one.
  case insert(NewMessage)
  /// Another envelope for a message that is already there. (Envelopes that a redirection makes.)
  case add(Envelope)
  case update(EnvelopeID, EnvelopeUpdate)
  case removeEnvelope(EnvelopeID)
  /// The message, its body and whatever envelopes it still has. One with an envelope in quarantine
  /// stays, without the others, so that it can be restored.
  case removeMessage(MessageID)
  /// A small named value; nil removes it. At most 64 bytes of name and 4,096 of value.
  case set(String, [UInt8]?)
}

/// A message on its way into the store.
package struct NewMessage: Sendable {
  package var message: Message
  package var envelopes: [Envelope]
  package var body: Body

  package init(message: Message, envelopes: [Envelope], body: Body) {
    precondition(!envelopes.isEmpty)
    self.message = message
    self.envelopes = envelopes
    self.body = body
  }

  /// The same under another identifier, with its body in memory.
  package func renumbered(_ id: MessageID) -> NewMessage {
    guard case .bytes = body else { preconditionFailure("a staged body is named by its message") }
    var new = self
    new.message.id = id
    for index in envelopes.indices {
      guard let own = EnvelopeID(message: id, low: envelopes[index].id.low) else { continue }
      new.envelopes[index].id = own
    }
    return new
  }

  package enum Body: Sendable {
    case bytes([UInt8])
    /// A file that `BodyStage` has already made durable, named after the message, and the CRC-32C of
    /// what was written to it; nil where nobody knows.
    case staged(size: Int, checksum: UInt32? = nil)

    package var size: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .staged(let size, _): size
      }
    }
  }
}

package struct StoredEnvelope: Hashable, Sendable {
  package var message: Message
  package var envelope: Envelope

  package init(message: Message, envelope: Envelope) {
    self.message = message
    self.envelope = envelope
  }
}

package struct EnvelopePage: Sendable {
  package var envelopes: [StoredEnvelope]
  /// Where the next page goes on; nil at the end of the store. Not always the last envelope's: records
  /// that were quarantined on the way count.
  package var next: EnvelopeID?

  package init(envelopes: [StoredEnvelope], next: EnvelopeID?) {
    self.envelopes = envelopes
    self.next = next
  }
}

/// What opening found.
package struct OpenReport: Equatable, Sendable {
  /// The journal or log was not closed cleanly, and this many changes were recovered from it.
  package var recoveredChanges = 0
  /// Bodies and temporary files that belonged to nothing and were removed.
  package var orphansRemoved = 0
  /// All that is in quarantine, from before, too.
  package var quarantined = 0
  /// One line each, for the log.
  package var remarks: [String] = []

  package init() {}
}

/// What a clean stop left.
package struct CloseReport: Equatable, Sendable {
  /// One line each, for the log.
  package var remarks: [String] = []

  package init() {}
}

package struct VerifyPage: Sendable {
  package var messagesChecked = 0
  package var envelopesChecked = 0
  package var findings: [VerifyFinding] = []
  /// Where to go on; nil at the end, unless it is not finished.
  package var next: MessageID?
  /// There was more to do for the next message than one step may: the next page goes on with it.
  package var isUnfinished = false

  package init() {}
}

package struct VerifyFinding: Hashable, Sendable {
  /// `envelope 0123456789abcdef`, `body 01234567`, `journal`.
  package var record: String
  package var problem: String

  package init(record: String, problem: String) {
    self.record = record
    self.problem = problem
  }
}

package struct QuarantinedRecord: Hashable, Sendable {
  /// Unique in the store; what `restore` takes. No spaces.
  package var name: String
  package var reason: String
  package var size: Int
  package var when: Instant

  package init(name: String, reason: String, size: Int, when: Instant) {
    self.name = name
    self.reason = reason
    self.size = size
    self.when = when
  }
}

extension QuarantinedRecord {
  /// The message that it is or belongs to; nil when that cannot be told from its name.
  package var message: MessageID? { QuarantinedRecord.message(named: name) }

  /// The same of a name alone.
  package static func message(named name: String) -> MessageID? {
    let parts = name.split(separator: "-")
    guard parts.count >= 2, QuarantinedRecord.words.contains(parts[0]) else {
      return nil
    }
    return EnvelopeID(hexadecimal: parts[1])?.message ?? MessageID(hexadecimal: parts[1])
  }

  private static let words: Set<Substring> = ["message", "envelope", "body", "staged", "record"]

  /// The message that stays for what has this name: an envelope that may come back when all others have
  /// gone. Nil for anything else.
  package static func awaiting(_ name: String) -> MessageID? {
    name.hasPrefix("envelope-") ? message(named: name) : nil
  }
}

/// What `restore` brought back.
package struct Restoration: Equatable, Sendable {
  /// Those that are in the store again.
  package var envelopes: [EnvelopeID]
  /// Records that are back although their checksums do not hold: `body 01234567`.
  package var doubtful: [String] = []

  /// Nothing of it is doubtful.
  package init(_ envelopes: [EnvelopeID]) { self.envelopes = envelopes }

  /// What an operator is told of a doubtful record; nil when all is well.
  package var warning: String? {
    guard !doubtful.isEmpty else { return nil }
    let messages = Set(envelopes.map { "\($0.message)" }).sorted().joined(separator: ", ")
    return "message \(messages) is back although a checksum does not hold "
      + "(\(doubtful.joined(separator: ", "))): it may not be what was received; "
      + "look at it with smtpctl show message \(messages), and if it is spoilt use "
      + "smtpctl remove \(messages)"
  }
}

package struct StoreStatistics: Equatable, Sendable {
  package var messages = 0
  package var envelopes = 0
  package var bodyBytes = 0
  /// Times that the store waited for the disk to be durable.
  package var syncs = 0
  package var lastSync: Duration = .zero
  package var longestSync: Duration = .zero
  package var quarantined = 0

  package init() {}
}
