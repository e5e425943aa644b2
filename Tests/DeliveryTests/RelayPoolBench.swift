// SPDX-License-Identifier: ISC

import DNS
import Mail

@testable import Delivery

/// A pool with a clock, and what it asked for so far.
struct RelayPoolBench {
  var pool: RelayPool
  var now = Instant(seconds: 1000)
  var connections: [(session: UInt64, RelayConnection)] = []
  /// When each of them was asked for.
  var starts: [Instant] = []
  /// Task by session.
  var running: [UInt64: UInt64] = [:]
  var failed: [UInt64: RelayFailure] = [:]
  var held: [UInt64] = []
  var released: [TaskBacklog.Release] = []
  var quits: [UInt64] = []
  var questions: [DNSQuestion] = []
  var log: [String] = []
  var pauses: [UInt64: Duration] = [:]

  init(_ change: (inout RelayPool.Settings) -> Void = { _ in }) {
    var settings = RelayPool.Settings()
    change(&settings)
    pool = RelayPool(settings, seed: 7)
  }

  mutating func take(_ actions: [RelayPoolAction]) {
    for action in actions {
      switch action {
      case .ask(let question): questions.append(question)
      case .connect(let session, let connection):
        connections.append((session, connection))
        starts.append(now)
      case .deliver(let task, let session): running[session] = task
      case .quit(let session): quits.append(session)
      case .hold(let task, _): held.append(task)
      case .release(_, let release): released.append(release)
      case .fail(let task, let failure, let pause):
        failed[task] = failure
        pauses[task] = pause
      case .log(let line): log.append(line)
      }
    }
  }

  mutating func begin(_ tasks: ClosedRange<UInt64>, _ key: RelayKey) {
    for task in tasks { take(pool.begin(task: task, for: key, at: now)) }
  }

  mutating func ready(_ session: UInt64) { take(pool.sessionReady(session, at: now)) }

  mutating func done(_ session: UInt64, _ ending: RelayPool.TaskEnding = .accepted) {
    running[session] = nil
    take(pool.taskEnded(session: session, ending, at: now))
  }

  mutating func end(
    _ session: UInt64,
    _ ending: Route.Ending,
    returned: UInt64? = nil
  ) {
    running[session] = nil
    take(pool.sessionEnded(session, ending, returned: returned, at: now))
  }

  /// Time goes on, and every deadline on the way is kept.
  mutating func pass(_ time: Duration) {
    let end = now + time
    while let next = pool.nextDeadline, next <= end {
      now = max(now, next)
      take(pool.timerFired(at: now))
    }
    now = end
  }

  mutating func answer(_ outcomes: [DNSQuestion: DNSAnswer.Outcome]) {
    while !questions.isEmpty {
      let question = questions.removeFirst()
      take(pool.answered(question, DNSAnswer(outcomes[question] ?? .nonexistent), at: now))
    }
  }
}
