// SPDX-License-Identifier: ISC

import Disk
import Glibc
import Mail
import Queue
import Testing

@testable import FilesystemStore

@Suite("What a crash leaves")
struct CrashTests {
  /// Runs the script until the disk fails. Returns what was acknowledged, and the call that was not.
  private func run(
    _ store: FilesystemStore,
    _ batches: [[Change]]
  ) -> (acknowledged: Model, unanswered: [Change]) {
    var model = Model()
    do {
      _ = try store.open()
    } catch {
      return (model, [])
    }
    for batch in batches {
      do {
        try store.apply(batch)
        model.apply(batch)
        _ = try? store.maintain()
      } catch {
        return (model, batch)
      }
    }
    _ = try? store.close(within: .seconds(100))
    return (model, [])
  }

  /// Nil when `disk` holds what was acknowledged, with or without the whole of the unanswered call.
  private func problem(
    _ disk: MemoryDisk,
    _ acknowledged: Model,
    _ unanswered: [Change]
  ) throws -> String? {
    let store = makeStore(disk)
    let report = try store.open()
    if report.quarantined > 0 { return "quarantined: \(report.remarks)" }
    guard let difference = try acknowledged.difference(from: store) else { return nil }
    var other = acknowledged
    other.apply(unanswered)
    guard try other.difference(from: store) != nil else { return nil }
    return difference
  }

  @Test("stopped at every operation, whatever survives: what was acknowledged is there")
  func powerCut() throws {
    let batches = script(rounds: 4)
    let whole = MemoryDisk()
    _ = run(makeStore(whole), batches)
    let seed = UInt64.random(in: 0...UInt64.max)
    for operation in 1...whole.operations {
      let disk = MemoryDisk()
      disk.fault = .powerCut(at: operation)
      let (acknowledged, unanswered) = run(makeStore(disk), batches)
      for survival in [
        MemoryDisk.Survival.nothing, .everything, .chance(seed: seed &+ UInt64(operation)),
      ] {
        let left = disk.afterPowerCut(survival)
        let problem = try problem(left, acknowledged, unanswered)
        #expect(
          problem == nil,
          "operation \(operation) of \(whole.operations), \(survival), seed \(seed)"
        )
        if problem != nil { return }
      }
    }
  }

  @Test("a second power cut during recovery loses nothing either")
  func twice() throws {
    let batches = script(rounds: 4)
    let whole = MemoryDisk()
    _ = run(makeStore(whole), batches)
    let seed = UInt64.random(in: 0...UInt64.max)
    for operation in stride(from: 1, through: whole.operations, by: 29) {
      let disk = MemoryDisk()
      disk.fault = .powerCut(at: operation)
      let (acknowledged, unanswered) = run(makeStore(disk), batches)
      for second in [1, 3, 5, 8, 11] {
        let first = disk.afterPowerCut(.chance(seed: seed &+ UInt64(operation)))
        first.fault = .powerCut(at: second * 3)
        let store = makeStore(first)
        if (try? store.open()) != nil { _ = try? store.close(within: .seconds(100)) }
        let left = first.afterPowerCut(.chance(seed: seed &+ UInt64(second)))
        let problem = try problem(left, acknowledged, unanswered)
        #expect(problem == nil, "operation \(operation), then \(second * 3), seed \(seed)")
        if problem != nil { return }
      }
    }
  }

  /// Until it is open; the disk fails `times` times at most.
  private func open(_ store: FilesystemStore, atMost times: Int) throws {
    for _ in 0..<times where (try? store.open()) != nil { return }
    _ = try store.open()
  }

  /// As the queue does it: opens again until that goes well, and then once more what failed.
  private func apply(_ batch: [Change], _ store: FilesystemStore, atMost times: Int) throws {
    for _ in 0..<times {
      do {
        return try store.apply(batch)
      } catch {
        guard case .sealed = store.state else { continue }
        for _ in 0..<times where (try? store.reopen()) != nil { break }
      }
    }
    if case .sealed = store.state { _ = try store.reopen() }
    try store.apply(batch)
  }

  @Test(
    "operations that fail cost at most their own call, however often opening again fails, and a later start finds the rest",
    arguments: 1...6
  )
  func failures(times: Int) throws {
    let batches = script(rounds: 4)
    let whole = MemoryDisk()
    _ = run(makeStore(whole), batches)
    // A different seventh of the operations in each run; each of them when there is time.
    let isLong = unsafe getenv("TALARIA_LONG") != nil
    let first = isLong ? 1 : Int.random(in: 1...7)
    print("operations that fail: from \(first) of \(whole.operations), every \(isLong ? 1 : 7)")
    for errno in [Int32(5), 28] {
      for operation in stride(from: first, through: whole.operations, by: isLong ? 1 : 7) {
        let disk = MemoryDisk()
        disk.fault = .failure(at: operation, times: times, errno: errno)
        let store = makeStore(disk)
        var model = Model()
        try open(store, atMost: times)
        for batch in batches {
          try apply(batch, store, atMost: times)
          model.apply(batch)
        }
        let problem = try model.difference(from: store)
        #expect(problem == nil, "operation \(operation) failed with \(errno)")
        let again = try self.problem(disk.afterPowerCut(.nothing), model, [])
        #expect(again == nil, "operation \(operation) failed with \(errno), after a power cut")
        if problem != nil || again != nil { return }
      }
    }
  }
}
