// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Queue

/// What bodies and envelopes may take of memory.
extension IntakeTests {
  @Test("new mail is refused while memory is short")
  func budget() throws {
    var intake = try Self.intake(memoryBody: 100, memory: 150)
    _ = intake.body(try Self.id(1), [UInt8](repeating: 0, count: 100), from: Self.frontend)
    let over = intake.body(try Self.id(2), [UInt8](repeating: 0, count: 100), from: Self.frontend)
    #expect(Self.words(over).contains("admission 452"))
    #expect(Self.words(intake.abort(try Self.id(1), from: Self.frontend)) == ["admission 250"])
  }

  @Test("envelopes count as bodies do, until they are durable or given up")
  func envelopeBudget() throws {
    let one = try Self.envelopeBytes()
    // Three fit, four are too many for new transactions, and with a fifth the open one ends.
    var limits = Intake.Limits()
    limits.memory = 3 * one
    limits.memoryMax = 4 * one
    var intake = Intake(limits: limits)
    intake.reserved(first: try Self.id(1), count: 100, frontend: Self.frontend)
    for number in UInt32(1)...3 {
      #expect(intake.envelopes([try Self.envelope(number, 1)]).isEmpty)
    }
    #expect(intake.bytesInMemory == limits.memory && intake.admission == nil)
    #expect(Self.words(intake.envelopes([try Self.envelope(4, 1)])) == ["admission 452"])
    #expect(intake.bytesInMemory == limits.memoryMax)
    #expect(Self.words(intake.envelopes([try Self.envelope(4, 2)])) == ["refused 4 452"])
    // What was refused has given back all that it had, and begins no other.
    #expect(intake.bytesInMemory == 3 * one && intake.count == 3)
    #expect(intake.envelopes([try Self.envelope(4, 3)]).isEmpty && intake.count == 3)
    let commit = intake.submit(
      try Self.message(1, size: 0),
      envelopes: try Self.tally(1...1),
      over: Self.edge,
      from: Self.frontend
    )
    #expect(Self.words(commit) == ["commit 1 1"])
    #expect(intake.bytesInMemory == 3 * one)
    #expect(Self.words(intake.committed(try Self.id(1))) == ["admission 250", "stored 1"])
    #expect(intake.bytesInMemory == 2 * one)
    _ = intake.abort(try Self.id(2), from: Self.frontend)
    _ = intake.lost(frontend: Self.frontend)
    #expect(intake.bytesInMemory == 0 && intake.count == 0)
  }

  @Test("the envelopes of one transaction take what one may, and not a byte more")
  func transactionBudget() throws {
    let one = try Self.envelopeBytes()
    for excess in [0, 1] {
      var limits = Intake.Limits()
      limits.envelopeMemory = 2 * one - excess
      var intake = Intake(limits: limits)
      intake.reserved(first: try Self.id(1), count: 100, frontend: Self.frontend)
      #expect(intake.envelopes([try Self.envelope(1, 1)]).isEmpty)
      let second = Self.words(intake.envelopes([try Self.envelope(1, 2)]))
      #expect(second == (excess == 0 ? [] : ["refused 1 452"]))
      #expect(intake.bytesInMemory == (excess == 0 ? 2 * one : 0))
    }
  }

  @Test("who has most goes where memory ends, and not who comes")
  func largestGoes() throws {
    var limits = Intake.Limits()
    limits.memoryMax = 4 * (try Self.envelopeBytes())
    var intake = Intake(limits: limits)
    intake.reserved(first: try Self.id(1), count: 100, frontend: Self.frontend)
    for low in UInt32(1)...3 { _ = intake.envelopes([try Self.envelope(1, low)]) }
    #expect(intake.envelopes([try Self.envelope(2, 1)]).isEmpty)
    #expect(Self.words(intake.envelopes([try Self.envelope(2, 2)])) == ["refused 1 452"])
    let commit = intake.submit(
      try Self.message(2, size: 0),
      envelopes: try Self.tally([1, 2]),
      over: Self.edge,
      from: Self.frontend
    )
    #expect(Self.words(commit) == ["commit 2 2"])
  }
}
