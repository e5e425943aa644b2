// SPDX-License-Identifier: ISC

// What the scheduler costs at a million envelopes for ten thousand destinations: nanoseconds a touch,
// and bytes an envelope, counted and as the process grew. Run it as a release build.

import Glibc
import Mail
import Scheduler

let envelopes = CommandLine.arguments.dropFirst().first.flatMap { UInt32($0) } ?? 1_000_000
let destinations: UInt32 = 10_000
var now = Instant(seconds: 1_800_000_000)

/// The resident bytes of this process.
func residentBytes() -> Int {
  var usage = rusage()
  guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
  return usage.ru_maxrss * 1024
}

func report(_ name: String, touches: Int, _ work: () -> Void) {
  let clock = ContinuousClock()
  let time = clock.measure(work)
  let nanoseconds = time.wholeSeconds * 1_000_000_000 + time.components.attoseconds / 1_000_000_000
  print("\(name): \(nanoseconds / Int64(max(1, touches))) ns each, \(touches) of them")
}

func identifier(_ number: UInt32) -> EnvelopeID {
  guard let id = EnvelopeID(UInt64(number) << 32 | UInt64(number &* 2_654_435_761 | 1)) else {
    preconditionFailure("no identifier")
  }
  return id
}

let names = (0..<destinations).map { "relay destination-\($0).example" }
let before = residentBytes()
var scheduler = Scheduler(seed: 1, at: now)
report("insert", touches: Int(envelopes)) {
  for number in 1...envelopes {
    var entry = Scheduler.Entry(
      id: identifier(number),
      kind: .relay,
      destination: names[Int(number % destinations)],
      created: now - .seconds(Int64(number % 300)),
      expiry: now + .seconds(4 * 86400)
    )
    entry.tries = UInt16(1 + number % 8)
    _ = scheduler.insert(entry, at: now)
  }
}
print("counted: \(scheduler.allocatedBytes / Int(envelopes)) bytes an envelope")
print("resident: \((residentBytes() - before) / Int(envelopes)) bytes an envelope")

var state: UInt32 = 1
var found = 0
report("status by identifier, at random", touches: Int(envelopes)) {
  for _ in 0..<envelopes {
    state = state &* 1_664_525 &+ 1_013_904_223
    if scheduler.status(of: identifier(1 + state % envelopes)) != nil { found += 1 }
  }
}
precondition(found == Int(envelopes))

var due = 0
var longest = Duration.zero
let clock = ContinuousClock()
report("due, dispatched, deferred", touches: Int(envelopes)) {
  while due < Int(envelopes) {
    now = now + .seconds(1)
    while true {
      var batch: [Scheduler.Dispatch] = []
      longest = max(longest, clock.measure { batch = scheduler.nextBatch(at: now, room: 256) })
      if batch.isEmpty { break }
      for dispatch in batch {
        for id in dispatch.envelopes {
          _ = scheduler.completed(id, .deferred, at: now)
          due += 1
        }
      }
    }
  }
}
print("longest call of nextBatch: \(longest)")

report("schedule by identifier", touches: Int(envelopes)) {
  for number in 1...envelopes { _ = scheduler.schedule(identifier(number), at: now) }
}

var done = 0
report("dispatched and finished", touches: Int(envelopes)) {
  while true {
    let batch = scheduler.nextBatch(at: now, room: 256)
    if batch.isEmpty { break }
    for dispatch in batch {
      for id in dispatch.envelopes {
        _ = scheduler.completed(id, .finished, at: now)
        done += 1
      }
    }
  }
}
precondition(done == Int(envelopes) && scheduler.statistics.envelopes == 0)
