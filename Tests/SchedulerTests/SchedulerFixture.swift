// SPDX-License-Identifier: ISC

import Mail

@testable import Scheduler

/// A scheduler whose clock stands until a test moves it.
final class Fixture {
  static let start = Instant(seconds: 1_800_000_000)
  var now = Fixture.start
  var scheduler: Scheduler

  init(_ change: (inout Scheduler.Limits) -> Void = { _ in }) {
    var limits = Scheduler.Limits()
    limits.jitterMax = 0
    change(&limits)
    scheduler = Scheduler(limits: limits, seed: 1, at: Fixture.start)
  }

  static func id(_ message: UInt32, _ low: UInt32 = 1) -> EnvelopeID {
    guard let id = EnvelopeID(UInt64(message) << 32 | UInt64(low)) else {
      preconditionFailure("no identifier")
    }
    return id
  }

  /// Inserts a relay envelope, changed as the test needs it, and returns its identifier.
  @discardableResult
  func add(
    _ message: UInt32,
    _ low: UInt32 = 1,
    to destination: String = "example.org",
    _ change: (inout Scheduler.Entry) -> Void = { _ in }
  ) -> EnvelopeID {
    var entry = Scheduler.Entry(
      id: Fixture.id(message, low),
      kind: .relay,
      destination: destination,
      created: now,
      expiry: now + .seconds(4 * 86400)
    )
    change(&entry)
    precondition(scheduler.insert(entry, at: now) == .inserted)
    return entry.id
  }

  func pass(_ seconds: Int64) { now = now + .seconds(seconds) }

  func batch(_ room: Int = 1000) -> [Scheduler.Dispatch] {
    scheduler.nextBatch(at: now, room: room)
  }

  func complete(
    _ id: EnvelopeID,
    _ outcome: Scheduler.Outcome
  ) -> Scheduler.Disposition {
    scheduler.completed(id, outcome, at: now)
  }

  func schedule(_ id: EnvelopeID) -> Scheduler.Change { scheduler.schedule(id, at: now) }

  func remove(_ id: EnvelopeID) -> Scheduler.Removal { scheduler.remove(id, at: now) }

  func suspend(_ id: EnvelopeID) -> Scheduler.Change { scheduler.suspend(id, at: now) }

  func resume(_ id: EnvelopeID) -> Scheduler.Change { scheduler.resume(id, at: now) }

  func pause(_ kind: Scheduler.Kind) -> Scheduler.Change { scheduler.pause(kind) }

  func resume(_ kind: Scheduler.Kind) -> Scheduler.Change { scheduler.resume(kind) }

  func release(_ name: String, _ count: Scheduler.Release) -> Int {
    scheduler.release(name, count, at: now)
  }

  func expired(_ limit: Int = 10) -> [EnvelopeID] { scheduler.expired(at: now, limit: limit) }

  func status(_ id: EnvelopeID) -> Scheduler.Status? { scheduler.status(of: id) }

  func envelopes(of message: MessageID) -> [EnvelopeID] { scheduler.envelopes(of: message) }

  func knows(_ message: MessageID) -> Bool { scheduler.knows(message) }

  func insert(_ entry: Scheduler.Entry) -> Scheduler.Insertion {
    scheduler.insert(entry, at: now)
  }

  var holdQueueLengths: [Int] { scheduler.holdQueues().map(\.envelopes) }

  var destinations: [Scheduler.DestinationStatus] { scheduler.destinationStatuses() }

  var nextDue: Instant? { scheduler.nextDue }

  var statistics: Scheduler.Statistics { scheduler.statistics }

  func state(_ id: EnvelopeID) -> Scheduler.State? { scheduler.status(of: id)?.state }
}
