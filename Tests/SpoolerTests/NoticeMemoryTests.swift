// SPDX-License-Identifier: ISC

import ControlProtocol
import Interprocess
import Mail
import Queue
import Scheduler
import Testing

@testable import Spooler

@Suite("Memory of notices under way", .timeLimit(.minutes(1)))
struct NoticeMemoryTests {
  private static func released(_ memory: inout NoticeMemory, _ size: Int) -> Int? {
    guard let release = memory.free(size) else { return nil }
    if case .first(let count) = release { return count }
    return .max
  }

  @Test("as much as there is, not a byte more, and one alone whatever it takes")
  func bound() {
    var limits = NoticeMemory.Limits()
    limits.bytes = 100
    limits.released = 3
    var memory = NoticeMemory(limits: limits)
    #expect(memory.take(500) && !memory.take(1))
    #expect(Self.released(&memory, 500) == .max)
    #expect(memory.take(60) && !memory.take(41) && memory.take(40))
    #expect(memory.bytes == 100)
    #expect(Self.released(&memory, 40) == nil)
    memory.grow(10)
    #expect(!memory.take(31) && memory.take(30))
    #expect(Self.released(&memory, 30) == nil)
    #expect(Self.released(&memory, 19) == nil)
    #expect(Self.released(&memory, 1) == 3)
    #expect(Self.released(&memory, 50) == .max && memory.bytes == 0)
  }

  private static func counts(
    _ control: inout ControlPeer,
    _ number: UInt32
  ) async throws -> [String: Int64] {
    guard case .statistics(let rows)? = try await control.answer(number, .showStats).last else {
      return [:]
    }
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0.value) })
  }

  /// Forty, of which there is room for thirty-one.
  @Test("notices that wait for the memory of others are made all the same")
  func allAreMade() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    var lookup = try await rig.lookup()
    var delivery = try await rig.delivery()
    var control = try await rig.control()
    let first = try await QueueServiceTests.block(&frontend)
    let part = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
    let (count, together) = (40, 31)
    for number in 0..<UInt32(count) {
      let id = try #require(MessageID(first.rawValue + number))
      try await lookup.send(.envelopes([try QueueRig.envelope(id)]))
      for _ in 0..<16 { try await frontend.send(.body(id, part)) }
      var message = QueueRig.message(id, size: 16 * part.count)
      message.returnContent = .full
      try await frontend.send(.submit(message, envelopes: try QueueRig.tally(id), edge: .max))
      let isStored = await frontend.next { if case .stored(id) = $0 { true } else { nil } }
      #expect(isStored == true)
      let task = try await QueueServiceTests.task(&delivery)
      try await QueueServiceTests.report(task, .permanent, &delivery)
    }
    var answered = 0
    var asked: [(UInt64, MessageID)] = []
    while answered < count {
      let route = await lookup.next { message -> (UInt64, MessageID)? in
        if case .route(let token, let message, _) = message { (token, message.id) } else { nil }
      }
      asked.append(try #require(route))
      guard asked.count == together || answered + asked.count == count else { continue }
      let counts = try await Self.counts(&control, UInt32(answered + 1))
      #expect(counts["bounce.message"] == Int64(asked.count))
      #expect(counts["bounce.envelope"] == Int64(asked.count))
      for (token, notice) in asked {
        try await lookup.send(.routed(token: token, [try QueueRig.envelope(notice)]))
        _ = try await QueueServiceTests.task(&delivery)
      }
      answered += asked.count
      asked = []
    }
    // The messages that they were about are gone.
    #expect(try await !QueueServiceTests.isStored(first, rig))
  }
}
