// SPDX-License-Identifier: ISC

package import Mail

/// How new mail comes in: from the first envelope or byte of a body to the answer to the submit.
///
///     open ──submit──▶ submitted ──all here──▶ committing ──durable──▶ stored (250)
///       │                  │                        └──failed──▶ refused (451)
///       └──abort──▶ aborted (until its envelopes have arrived)
///
/// Pure: told events, returns actions. Frontends are known by the generation of their edge.
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
    /// Bodies in memory, all together, in bytes; beyond it new transactions are refused.
    package var memory = 96 << 20
    /// Of a body in memory: credit is given in such steps, well below the window, in bytes.
    package var creditStep = 64 << 10
    /// Envelopes of one message.
    package var envelopes = 100_000

    package init() {}
  }

  private let limits: Limits
  private var transactions: [MessageID: Transaction] = [:]
  private var bytesInMemory = 0
  /// Identifiers that were handed to a frontend, in rising order and merged where they touch.
  private var blocks: [UInt32: [Range<UInt64>]] = [:]
  private var isMemoryShort = false
  private var spaceRefusal: Reply?

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

  package static let notStored = Reply(
    451,
    EnhancedStatus(.temporary, 3, 0),
    "Temporary failure: the message could not be queued, try again later"
  )

  /// A frontend has been given identifiers.
  package mutating func reserved(first: MessageID, count: UInt32, frontend: UInt32) {
    let start = UInt64(first.rawValue)
    let range = start..<start + UInt64(count)
    if let last = blocks[frontend]?.last, last.upperBound == start {
      blocks[frontend]?.removeLast()
      blocks[frontend]?.append(last.lowerBound..<range.upperBound)
    } else {
      blocks[frontend, default: []].append(range)
    }
  }

  /// Whether a transaction has this identifier.
  package func isOpen(_ id: MessageID) -> Bool { transactions[id] != nil }

  /// Disk space came or went: nil is enough.
  package mutating func space(_ refusal: Reply?) -> [Action] {
    guard spaceRefusal != refusal else { return [] }
    spaceRefusal = refusal
    return [.admission(admission)]
  }

  /// Lookup sent envelopes of one transaction.
  package mutating func envelopes(_ arrived: [Envelope]) -> [Action] {
    guard let id = arrived.first?.id.message else { return [] }
    guard open(id, by: nil) != nil else { return [] }
    transactions[id]?.envelopes.append(contentsOf: arrived)
    return proceed(id)
  }

  package mutating func body(_ id: MessageID, _ bytes: [UInt8], from frontend: UInt32) -> [Action] {
    guard var transaction = open(id, by: frontend), case .open = transaction.state else {
      return []
    }
    var actions: [Action] = []
    let before = transaction.bytesInMemory
    switch transaction.content {
    case .memory(var held) where held.count + bytes.count <= limits.memoryBody:
      // Taken out first, so that the array is grown in place.
      transaction.content = .memory([])
      transactions[id] = transaction
      if held.isEmpty { held = bytes } else { held += bytes }
      transaction.content = .memory(held)
      // A usual body needs no credit at all; a message for each chunk would wake its frontend in vain.
      let due = limits.creditStep * (held.count / limits.creditStep) - transaction.credited
      if due > 0 {
        transaction.credited += due
        actions.append(.credit(frontend: frontend, id, UInt32(due)))
      }
    case .memory(let held):
      let whole = held + bytes
      transaction.content = .staged(size: whole.count, unwritten: whole.count)
      actions.append(.stage(id, whole))
    case .staged(let size, let unwritten):
      transaction.content = .staged(
        size: size + bytes.count,
        unwritten: unwritten + bytes.count
      )
      actions.append(.stage(id, bytes))
    case .durable: preconditionFailure("a body grew after its end")
    }
    transactions[id] = transaction
    return actions + account(transaction.bytesInMemory - before)
  }

  /// The staged file has `written` more bytes.
  package mutating func staged(_ id: MessageID, written: Int) -> [Action] {
    guard var transaction = transactions[id],
      case .staged(let size, let unwritten) = transaction.content
    else { return [] }
    transaction.content = .staged(size: size, unwritten: unwritten - written)
    let due = size - unwritten + written - transaction.credited
    transaction.credited += due
    transactions[id] = transaction
    return account(-written)
      + [.credit(frontend: transaction.frontend, id, UInt32(due))] + proceed(id)
  }

  /// The staged file is durable.
  package mutating func stageFinished(_ id: MessageID) -> [Action] {
    guard case .staged(let size, _)? = transactions[id]?.content else { return [] }
    transactions[id]?.content = .durable(size: size)
    return proceed(id)
  }

  /// The staged file could not be written.
  package mutating func stageFailed(_ id: MessageID, _ reply: Reply) -> [Action] {
    guard transactions[id] != nil else { return [] }
    transactions[id]?.refusal = reply
    return proceed(id)
  }

  package mutating func submit(
    _ message: Message,
    envelopes: Int,
    from frontend: UInt32
  ) -> [Action] {
    guard let transaction = open(message.id, by: frontend), case .open = transaction.state else {
      return [.refused(frontend: frontend, message.id, Intake.notStored)]
    }
    transactions[message.id]?.state = .submitted(message, envelopes: envelopes)
    var actions: [Action] = []
    if case .staged(_, 0) = transaction.content { actions.append(.finishStage(message.id)) }
    return actions + proceed(message.id)
  }

  package mutating func abort(_ id: MessageID, envelopes: Int, from frontend: UInt32) -> [Action] {
    guard let transaction = open(id, by: frontend), case .open = transaction.state else {
      return []
    }
    transactions[id]?.state = .aborted(envelopes: envelopes)
    return proceed(id)
  }

  /// The message is durable.
  package mutating func committed(_ id: MessageID) -> [Action] {
    guard let transaction = transactions[id] else { return [] }
    return drop(id) + [.stored(frontend: transaction.frontend, id)]
  }

  package mutating func commitFailed(_ id: MessageID, _ reply: Reply) -> [Action] {
    guard let transaction = transactions[id] else { return [] }
    return discard(id) + [.refused(frontend: transaction.frontend, id, reply)]
  }

  /// A frontend died; what it had committed to is finished, the rest goes.
  package mutating func lost(frontend: UInt32) -> [Action] {
    blocks[frontend] = nil
    var actions: [Action] = []
    for (id, transaction) in transactions where transaction.frontend == frontend {
      if case .committing = transaction.state { continue }
      actions += discard(id)
    }
    return actions
  }

  /// Lookup died: envelopes that it had not sent will not come.
  package mutating func lookupLost() -> [Action] {
    var actions: [Action] = []
    for (id, transaction) in transactions {
      switch transaction.state {
      case .submitted(_, let expected) where transaction.envelopes.count < expected:
        actions += discard(id)
        actions.append(.refused(frontend: transaction.frontend, id, Intake.notStored))
      case .aborted: actions += discard(id)
      default: break
      }
    }
    return actions
  }

  /// The transaction of this identifier, begun now if it is a living frontend's.
  private mutating func open(_ id: MessageID, by frontend: UInt32?) -> Transaction? {
    if let known = transactions[id] {
      return frontend == nil || known.frontend == frontend ? known : nil
    }
    let value = UInt64(id.rawValue)
    let owner = blocks.first { _, ranges in ranges.contains { $0.contains(value) } }?.key
    guard let owner, frontend == nil || owner == frontend else { return nil }
    let transaction = Transaction(frontend: owner)
    transactions[id] = transaction
    return transaction
  }

  /// Goes on with what is complete.
  private mutating func proceed(_ id: MessageID) -> [Action] {
    guard let transaction = transactions[id] else { return [] }
    switch transaction.state {
    case .aborted(let expected) where transaction.envelopes.count >= expected:
      return discard(id)
    case .submitted(let message, let expected):
      if let refusal = transaction.refusal { return commitFailed(id, refusal) }
      guard transaction.envelopes.count >= expected else { return [] }
      guard transaction.envelopes.count == expected, expected <= limits.envelopes, expected > 0
      else { return commitFailed(id, Intake.notStored) }
      return commit(message, transaction)
    default: return []
    }
  }

  private mutating func commit(_ message: Message, _ transaction: Transaction) -> [Action] {
    let body: NewMessage.Body
    switch transaction.content {
    case .memory(let bytes): body = .bytes(bytes)
    case .durable(let size): body = .staged(size: size)
    case .staged(_, let unwritten):
      return unwritten == 0 ? [.finishStage(message.id)] : []
    }
    guard body.size == message.size else { return commitFailed(message.id, Intake.notStored) }
    transactions[message.id]?.state = .committing
    return [
      .commit(NewMessage(message: message, envelopes: transaction.envelopes, body: body))
    ]
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
