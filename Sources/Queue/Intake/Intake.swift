// SPDX-License-Identifier: ISC

package import Mail

/// How new mail comes in: from the first envelope or byte of a body to the answer to the submit.
///
///     open ──submit──▶ submitted ──all here──▶ committing ──durable──▶ stored (250)
///       │                  │                        └──failed──▶ refused (451)
///       ├──abort──▶ gone   └──flawed, or lookup died──▶ refused (451)
///       └──too much──▶ refused (452), from submitted, too
///
/// Pure: told events, returns actions. Frontends are known by the generation of their edge. An
/// identifier is good for one transaction: what comes for one that is over is refused or ignored.
package struct Intake: Sendable {
  package enum Action: Sendable {
    case stored(frontend: UInt32, MessageID)
    case refused(frontend: UInt32, MessageID, Reply)
    /// So many more bytes of the body may come.
    case credit(frontend: UInt32, MessageID, UInt32)
    /// Append to the staged file of the message, which begins with the first of these.
    case stage(MessageID, [UInt8])
    /// Make the staged file durable.
    case finishStage(MessageID)
    case discardStage(MessageID)
    case commit(NewMessage)
    /// Tell every frontend whether transactions are welcome: nil is yes.
    case admission(Reply?)
  }

  package struct Limits: Sendable {
    /// A body beyond this becomes a file, in bytes.
    package var memoryBody = 256 << 10
    /// The same while memory is short.
    package var memoryBodyWhenShort = 16 << 10
    /// Bodies and envelopes of open transactions, all together, in bytes; beyond it new transactions are
    /// refused.
    package var memory = 96 << 20
    /// What the open ones may make of that: an envelope beyond it ends the one whose envelopes take most.
    package var memoryMax = 120 << 20
    /// Envelopes of one message.
    package var envelopes = 100_000
    /// What they may take, in bytes: so many of usual length have room.
    package var envelopeMemory = 80 << 20
    /// Transactions at one time, of all frontends together.
    package var transactions = 100_000
    /// Identifiers that one frontend may have and not use.
    package var unusedIdentifiers = 1 << 20

    package init() {}
  }

  private let limits: Limits
  private var transactions: [MessageID: Transaction] = [:]
  /// Bytes of bodies and envelopes in memory now.
  package private(set) var bytesInMemory = 0
  private var reservations: [UInt32: ReservedIdentifiers] = [:]
  /// Lookup's that envelopes may come over.
  private var lookupEdges: Set<UInt32> = []
  private var newestLookupEdge: UInt32 = 0
  private var isMemoryShort = false
  private var spaceRefusal: Reply?
  private var stagingRoom = StagingRoom()

  package init(limits: Limits = Limits()) {
    self.limits = limits
  }

  /// Open transactions.
  package var count: Int { transactions.count }

  /// What every new frontend is told first.
  package var admission: Reply? {
    spaceRefusal ?? (isMemoryShort ? Intake.shortOfMemory : nil)
  }

  package static let shortOfMemory = Reply(
    452,
    EnhancedStatus(.temporary, 3, 1),
    "Insufficient system storage: too much mail at once, try again later"
  )

  package static let tooManyEnvelopes = Reply(
    452,
    EnhancedStatus(.temporary, 5, 3),
    "Too many recipients: they stand for more than one message can have"
  )

  /// While the disk is nearly full, or would be with what is on its way.
  package static let shortOfSpace = Reply(
    452,
    EnhancedStatus(.temporary, 3, 1),
    "Insufficient system storage: the queue's disk is nearly full, try again later"
  )

  package static let notStored = Reply(
    451,
    EnhancedStatus(.temporary, 3, 0),
    "Temporary failure: the message could not be queued, try again later"
  )

  /// Whether a frontend may be given more identifiers.
  package func mayReserve(_ frontend: UInt32) -> Bool {
    (reservations[frontend]?.count ?? 0) < limits.unusedIdentifiers
  }

  /// A frontend has been given identifiers.
  package mutating func reserved(first: MessageID, count: UInt32, frontend: UInt32) {
    reservations[frontend, default: ReservedIdentifiers()].add(first: first, count: count)
  }

  /// Whether a transaction has this identifier.
  package func isOpen(_ id: MessageID) -> Bool { transactions[id] != nil }

  /// Disk space came or went: nil is enough.
  package mutating func space(_ refusal: Reply?) -> [Action] {
    guard spaceRefusal != refusal else { return [] }
    spaceRefusal = refusal
    return [.admission(admission)]
  }

  /// Bytes of staged bodies that were written, or will not be.
  package var bytesSettled: Int { stagingRoom.settled }

  /// So many more bytes of staged bodies find room on the disk.
  ///
  /// - Parameter settled: what `bytesSettled` was when the disk was asked.
  package mutating func room(_ bytes: Int, whenSettled settled: Int) {
    stagingRoom.found(bytes, whenSettled: settled)
  }

  /// A frontend asks on a new edge for the answer to a submit of its last one. True when it gets it in
  /// time; else only the store knows.
  package mutating func reclaimed(_ id: MessageID, by frontend: UInt32) -> Bool {
    guard case .committing? = transactions[id]?.state else { return false }
    transactions[id]?.frontend = frontend
    return true
  }

  /// Lookup sent envelopes of one transaction. When they are too many it is refused at once, and gives
  /// back all that it had.
  package mutating func envelopes(_ arrived: [Envelope]) -> [Action] {
    guard let id = arrived.first?.id.message, arrived.allSatisfy({ $0.id.message == id }),
      let before = envelopesBefore(id)
    else { return [] }
    let bytes = arrived.reduce(0) { $0 + $1.memoryBytes }
    guard before.count + arrived.count <= limits.envelopes,
      before.bytes + bytes <= limits.envelopeMemory
    else { return refuse(id, Intake.tooManyEnvelopes) }
    var actions: [Action] = []
    if bytesInMemory + bytes > limits.memoryMax {
      // Who has most goes, so that whoever takes it all does not shut out the others.
      guard let larger = open(with: before.bytes + bytes) else {
        return refuse(id, Intake.shortOfMemory)
      }
      actions = refuse(larger, Intake.shortOfMemory)
    }
    transactions[id]?.add(arrived, bytes: bytes)
    return actions + account(bytes) + proceed(id)
  }

  /// What a transaction has that takes more, which begins one; nil when none can. In numbers, since a copy of
  /// its list would have to be made anew with each part.
  private mutating func envelopesBefore(_ id: MessageID) -> (count: Int, bytes: Int)? {
    guard let transaction = transaction(id, of: nil) else { return nil }
    if case .committing = transaction.state { return nil }
    return (transaction.envelopes.count, transaction.envelopeBytes)
  }

  /// The transaction whose envelopes take most, of those that can be refused still and have more than that.
  private func open(with bytes: Int) -> MessageID? {
    var found: (id: MessageID, bytes: Int)?
    for (id, transaction) in transactions where transaction.envelopeBytes > found?.bytes ?? bytes {
      if case .committing = transaction.state { continue }
      found = (id, transaction.envelopeBytes)
    }
    return found?.id
  }

  package mutating func body(_ id: MessageID, _ bytes: [UInt8], from frontend: UInt32) -> [Action] {
    guard var transaction = transaction(id, of: frontend) else {
      return [.refused(frontend: frontend, id, Intake.notStored)]
    }
    guard case .open = transaction.state else { return [] }
    var actions: [Action] = []
    let before = transaction.bytesInMemory
    let bound =
      isMemoryShort ? min(limits.memoryBodyWhenShort, limits.memoryBody) : limits.memoryBody
    switch transaction.content {
    case .memory(var held) where held.count + bytes.count <= bound:
      // Taken out first, so that the array is grown in place.
      transaction.content = .memory([])
      transactions[id] = transaction
      held += bytes
      transaction.content = .memory(held)
      actions.append(.credit(frontend: frontend, id, UInt32(bytes.count)))
    case .memory(let held):
      let whole = held + bytes
      guard stagingRoom.take(whole.count) else { return refuseForSpace(id) }
      transaction.content = .staged(size: whole.count, unwritten: whole.count)
      // What was in memory had its credit then.
      transaction.credited = held.count
      actions.append(.stage(id, whole))
    case .staged(let size, let unwritten):
      guard stagingRoom.take(bytes.count) else { return refuseForSpace(id) }
      transaction.content = .staged(
        size: size + bytes.count,
        unwritten: unwritten + bytes.count
      )
      actions.append(.stage(id, bytes))
    case .finishing, .durable: preconditionFailure("a body grew after its end")
    }
    transactions[id] = transaction
    return actions + account(transaction.bytesInMemory - before)
  }

  /// The staged file has `written` more bytes.
  package mutating func staged(_ id: MessageID, written: Int) -> [Action] {
    stagingRoom.settle(written)
    guard var transaction = transactions[id],
      case .staged(let size, let unwritten) = transaction.content
    else { return [] }
    precondition(written <= unwritten)
    let credit = max(0, written - transaction.credited)
    transaction.credited = 0
    transaction.content = .staged(size: size, unwritten: unwritten - written)
    transactions[id] = transaction
    return account(-written)
      + [.credit(frontend: transaction.frontend, id, UInt32(credit))] + proceed(id)
  }

  /// The staged file is durable.
  ///
  /// - Parameter checksum: the CRC-32C of what was written.
  package mutating func stageFinished(_ id: MessageID, checksum: UInt32) -> [Action] {
    guard case .finishing(let size)? = transactions[id]?.content else { return [] }
    transactions[id]?.content = .durable(size: size, checksum: checksum)
    return proceed(id)
  }

  /// The staged file could not be written.
  ///
  /// - Parameter bytes: how many were to be.
  package mutating func stageFailed(_ id: MessageID, _ reply: Reply, _ bytes: Int) -> [Action] {
    stagingRoom.settle(bytes)
    return refuse(id, reply)
  }

  /// - Parameter edge: the oldest of lookup's that it has sent envelopes over.
  package mutating func submit(
    _ message: Message,
    envelopes: EnvelopeTally,
    over edge: UInt32,
    from frontend: UInt32
  ) -> [Action] {
    guard let transaction = transaction(message.id, of: frontend),
      case .open = transaction.state
    else { return [.refused(frontend: frontend, message.id, Intake.notStored)] }
    transactions[message.id]?.state = .submitted(message, envelopes: envelopes, edge: edge)
    return proceed(message.id)
  }

  package mutating func abort(_ id: MessageID, from frontend: UInt32) -> [Action] {
    guard let transaction = transaction(id, of: frontend), case .open = transaction.state else {
      return []
    }
    return discard(id)
  }

  /// The message is durable.
  package mutating func committed(_ id: MessageID) -> [Action] {
    guard let transaction = transactions[id] else { return [] }
    return drop(id) + [.stored(frontend: transaction.frontend, id)]
  }

  package mutating func commitFailed(_ id: MessageID, _ reply: Reply) -> [Action] {
    refuse(id, reply)
  }

  /// A frontend died; what it had committed to is finished, the rest goes.
  package mutating func lost(frontend: UInt32) -> [Action] {
    reservations[frontend] = nil
    var actions: [Action] = []
    for (id, transaction) in transactions where transaction.frontend == frontend {
      if case .committing = transaction.state { continue }
      actions += discard(id)
    }
    return actions
  }

  /// Lookup has an edge of this generation, which is higher than all before.
  package mutating func lookupFound(edge: UInt32) {
    lookupEdges.insert(edge)
    newestLookupEdge = max(newestLookupEdge, edge)
  }

  /// An edge of lookup's has ended: what had not arrived over it will not come.
  package mutating func lookupLost(edge: UInt32) -> [Action] {
    lookupEdges.remove(edge)
    return Array(transactions.keys).flatMap { proceed($0) }
  }

  /// Whether all has come that was sent over this edge. Of a new one the frontend may know first.
  private func hasEnded(_ edge: UInt32) -> Bool {
    edge <= newestLookupEdge && !lookupEdges.contains(edge)
  }

  /// The transaction of this identifier, begun now if it is a living frontend's and was not used.
  ///
  /// - Parameter frontend: whose it has to be; nil for anybody's.
  private mutating func transaction(_ id: MessageID, of frontend: UInt32?) -> Transaction? {
    if let known = transactions[id] {
      return frontend == nil || known.frontend == frontend ? known : nil
    }
    guard transactions.count < limits.transactions else { return nil }
    let candidates = frontend.map { [$0] } ?? Array(reservations.keys)
    let owner = candidates.first { reservations[$0]?.use(id) == true }
    guard let owner else { return nil }
    let transaction = Transaction(frontend: owner)
    transactions[id] = transaction
    return transaction
  }

  /// Goes on with what is complete.
  private mutating func proceed(_ id: MessageID) -> [Action] {
    guard let transaction = transactions[id],
      case .submitted(let message, let expected, let edge) = transaction.state
    else { return [] }
    if transaction.tally.count < expected.count {
      // Some of a newer edge may be on their way still; the client comes again for all.
      if hasEnded(edge) { return refuse(id, Intake.notStored) }
      // The file can be made durable meanwhile.
      return finishStage(id, transaction)
    }
    // As many others are no better: those of a recipient that was given up may be among them.
    guard transaction.tally == expected, expected.count > 0,
      Intake.areDistinct(transaction.envelopes)
    else { return refuse(id, Intake.notStored) }
    return commit(message, transaction)
  }

  private static func areDistinct(_ envelopes: [Envelope]) -> Bool {
    envelopes.count == 1 || Set(envelopes.lazy.map(\.id)).count == envelopes.count
  }

  private mutating func finishStage(_ id: MessageID, _ transaction: Transaction) -> [Action] {
    guard case .staged(let size, 0) = transaction.content else { return [] }
    transactions[id]?.content = .finishing(size: size)
    return [.finishStage(id)]
  }

  private mutating func commit(_ message: Message, _ transaction: Transaction) -> [Action] {
    let body: NewMessage.Body
    switch transaction.content {
    case .memory(let bytes): body = .bytes(bytes)
    case .durable(let size, let checksum): body = .staged(size: size, checksum: checksum)
    case .staged: return finishStage(message.id, transaction)
    case .finishing: return []
    }
    guard body.size == message.size else { return refuse(message.id, Intake.notStored) }
    transactions[message.id]?.state = .committing
    // They are in the commit from now on, and count until it is over.
    transactions[message.id]?.envelopes = []
    return [
      .commit(NewMessage(message: message, envelopes: transaction.envelopes, body: body))
    ]
  }

  private mutating func refuse(_ id: MessageID, _ reply: Reply) -> [Action] {
    guard let transaction = transactions[id] else { return [] }
    return discard(id) + [.refused(frontend: transaction.frontend, id, reply)]
  }

  /// Until the disk has been looked at again others need not try.
  private mutating func refuseForSpace(_ id: MessageID) -> [Action] {
    refuse(id, Intake.shortOfSpace) + space(Intake.shortOfSpace)
  }

  private mutating func discard(_ id: MessageID) -> [Action] {
    guard let transaction = transactions[id] else { return [] }
    let actions = drop(id)
    if case .memory = transaction.content { return actions }
    return actions + [.discardStage(id)]
  }

  private mutating func drop(_ id: MessageID) -> [Action] {
    guard let transaction = transactions.removeValue(forKey: id) else { return [] }
    return account(-transaction.bytesInMemory)
  }

  /// Keeps the budget, and says when it is used up or free again.
  private mutating func account(_ difference: Int) -> [Action] {
    bytesInMemory += difference
    assert(bytesInMemory >= 0)
    let short =
      isMemoryShort ? bytesInMemory > limits.memory / 4 * 3 : bytesInMemory > limits.memory
    guard short != isMemoryShort else { return [] }
    isMemoryShort = short
    return [.admission(admission)]
  }
}
