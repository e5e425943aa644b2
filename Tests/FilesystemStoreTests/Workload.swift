// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue

@testable import FilesystemStore

/// Small limits, so that a short workload fills the journal and makes checkpoints.
func smallLimits() -> FilesystemStore.Limits {
  var limits = FilesystemStore.Limits()
  limits.segmentBytes = 4096
  limits.segments = 4
  limits.sliceMessages = 3
  limits.smallSet = 3
  limits.sliceFiles = 10
  limits.reserveBytes = 0
  return limits
}

/// Limits within which a short workload makes no checkpoint.
func roomyLimits() -> FilesystemStore.Limits {
  var limits = FilesystemStore.Limits()
  limits.segmentBytes = 64 << 10
  limits.reserveBytes = 0
  return limits
}

func makeStore(
  _ disk: MemoryDisk,
  _ limits: FilesystemStore.Limits = smallLimits()
) -> FilesystemStore {
  FilesystemStore(disk: disk, limits: limits, clock: { Instant(seconds: 1_700_000_000) })
}

func messageID(_ number: UInt32) -> MessageID {
  guard let id = MessageID(number) else { preconditionFailure("no message is number zero") }
  return id
}

func envelopeID(_ message: UInt32, _ low: UInt32) -> EnvelopeID {
  guard let id = EnvelopeID(message: messageID(message), low: low) else {
    preconditionFailure("no envelope is number zero")
  }
  return id
}

func makeMessage(_ number: UInt32, size: Int = 0) -> Message {
  Message(
    id: messageID(number),
    sender: Address(local: "sender", domain: "example.org"),
    created: Instant(milliseconds: 1_700_000_000_123),
    size: size,
    session: SessionFacts(
      id: SessionID(0x1122_3344_5566_7788),
      source: .inet4(0xc000_0201),
      serverName: "mx.example.net",
      helo: "client.example.org",
      hostname: "client.example.org"
    )
  )
}

func makeEnvelope(_ message: UInt32, _ low: UInt32) -> Envelope {
  Envelope(
    id: envelopeID(message, low),
    kind: .relay,
    action: "out",
    recipient: Address(local: "r\(low)", domain: "example.com"),
    destination: Address(local: "r\(low)", domain: "example.com"),
    created: Instant(milliseconds: 1_700_000_000_123)
  )
}

/// The body of a message follows from its number, so that any mixture is found.
func makeBody(_ number: UInt32, size: Int) -> [UInt8] {
  (0..<size).map { UInt8(truncatingIfNeeded: UInt32($0) &* 31 &+ number &* 17) }
}

func newMessage(_ number: UInt32, envelopes: UInt32 = 1, size: Int = 100) -> NewMessage {
  NewMessage(
    message: makeMessage(number, size: size),
    envelopes: (1...envelopes).map { makeEnvelope(number, $0) },
    body: .bytes(makeBody(number, size: size))
  )
}

/// All envelopes of a store, page by page.
func allEnvelopes(
  _ store: FilesystemStore,
  pageSize: Int = 3
) throws(StoreError) -> [EnvelopeID: StoredEnvelope] {
  var all: [EnvelopeID: StoredEnvelope] = [:]
  var after: EnvelopeID?
  repeat {
    let page = try store.page(after: after, limit: pageSize)
    for stored in page.envelopes {
      precondition(after.map { $0 < stored.envelope.id } ?? true, "a page out of order")
      precondition(all.updateValue(stored, forKey: stored.envelope.id) == nil, "twice")
    }
    after = page.next
  } while after != nil
  return all
}

extension StoreError {
  var isDamage: Bool {
    if case .damaged = self { return true }
    return false
  }
}

/// What a store must hold after the same changes: the plainest reading of `Store.apply`.
struct Model: Equatable {
  var envelopes: [EnvelopeID: StoredEnvelope] = [:]
  var bodies: [MessageID: [UInt8]] = [:]
  var settings: [String: [UInt8]] = [:]

  mutating func apply(_ changes: [Change]) {
    for change in changes {
      switch change {
      case .insert(let new):
        for envelope in new.envelopes {
          envelopes[envelope.id] = StoredEnvelope(message: new.message, envelope: envelope)
        }
        if case .bytes(let bytes) = new.body { bodies[new.message.id] = bytes }
      case .add(let envelope):
        guard let sibling = envelopes.values.first(where: { $0.message.id == envelope.id.message })
        else { continue }
        envelopes[envelope.id] = StoredEnvelope(message: sibling.message, envelope: envelope)
      case .update(let id, let update): envelopes[id]?.envelope.apply(update)
      case .removeEnvelope(let id): envelopes[id] = nil
      case .removeMessage(let id):
        bodies[id] = nil
        for key in envelopes.keys where key.message == id { envelopes[key] = nil }
      case .set(let name, let value): settings[name] = value
      }
    }
  }

  /// What differs in `store`; nil when nothing does.
  func difference(from store: FilesystemStore) throws(StoreError) -> String? {
    let found = try allEnvelopes(store)
    for (id, stored) in envelopes {
      guard let other = found[id] else { return "envelope \(id) is missing" }
      if other != stored { return "envelope \(id) is \(other) and not \(stored)" }
    }
    for id in found.keys where envelopes[id] == nil { return "envelope \(id) is too many" }
    for (id, body) in bodies {
      let other: [UInt8]
      do {
        other = try store.body(of: id, from: 0, count: 1 << 20)
      } catch {
        return "body \(id): \(error)"
      }
      if other != body { return "body \(id) is another: \(other.count) of \(body.count)" }
    }
    for (name, value) in settings where try store.setting(name) != value {
      return "setting \(name)"
    }
    let statistics = store.statistics()
    if statistics.envelopes != envelopes.count || statistics.messages != bodies.count {
      return "statistics \(statistics) for \(bodies.count) and \(envelopes.count)"
    }
    if statistics.bodyBytes != bodies.values.reduce(0, { $0 + $1.count }) {
      return "statistics \(statistics): bytes"
    }
    return nil
  }
}

/// A run of a queue's life: mail comes, leaves, waits, bounces; pauses are set; checkpoints happen.
func script(rounds: UInt32 = 7) -> [[Change]] {
  let later = Instant(milliseconds: 1_700_000_500_456)
  let status = EnhancedStatus(.temporary, 4, 1)
  var batches: [[Change]] = []
  for round in 0..<rounds {
    let first = round * 4 + 1
    let size = 300 + Int(round) * 130
    batches.append([
      .insert(newMessage(first, envelopes: 2, size: size)),
      .insert(newMessage(first + 1, size: 40)),
    ])
    batches.append([.insert(newMessage(first + 2, envelopes: 3, size: 700))])
    batches.append([
      .removeEnvelope(envelopeID(first + 1, 1)), .removeMessage(messageID(first + 1)),
    ])
    batches.append([
      .update(
        envelopeID(first, 1),
        .deferred(at: later, status: status, error: "connection refused")
      ),
      .removeEnvelope(envelopeID(first, 2)),
      .set("round", [UInt8(round)]),
    ])
    batches.append([
      .update(
        envelopeID(first + 2, 1),
        .becameBounce(.failed, at: later, lastTry: later, status: nil, error: "no such user")
      ),
      .add(makeEnvelope(first + 2, 9)),
    ])
    if round == 1 {
      // Each of them is more than a file of the journal has room for.
      batches.append([.insert(newMessage(9001, envelopes: 45, size: 60))])
      batches.append([.insert(newMessage(9002, envelopes: 60, size: 60))])
    }
    guard round >= 2 else { continue }
    if round == 2 { batches.append([.removeMessage(messageID(9002))]) }
    let old = (round - 2) * 4 + 1
    batches.append([
      .update(envelopeID(old, 1), .deferred(at: later, status: nil, error: "again")),
      .removeEnvelope(envelopeID(old + 2, 2)),
    ])
    if round % 2 == 0 {
      batches.append([.removeMessage(messageID(old))])
    }
    batches.append([
      .insert(newMessage(first + 3, size: 250)),
      .removeEnvelope(envelopeID(old + 2, 1)),
    ])
  }
  return batches
}
