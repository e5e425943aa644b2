// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Queue

/// Envelopes that lookup took with it, and those that it did not.
extension IntakeTests {
  @Test("a submit whose envelopes died with lookup is refused, now or later")
  func lookupLost() throws {
    var intake = try Self.intake()
    func submit(_ number: UInt32, over edge: UInt32) throws -> [String] {
      Self.words(
        intake.submit(
          try Self.message(number, size: 0),
          envelopes: try Self.tally(1...2),
          over: edge,
          from: Self.frontend
        )
      )
    }
    _ = intake.envelopes([try Self.envelope(7, 1)])
    _ = intake.envelopes([try Self.envelope(9, 1), try Self.envelope(9, 2)])
    #expect(try submit(8, over: Self.edge) == [])
    #expect(Self.words(intake.lookupLost(edge: Self.edge)) == ["refused 8 451"])
    // Some of one, none of the other, all of the third.
    #expect(try submit(7, over: Self.edge) == ["refused 7 451"])
    #expect(try submit(10, over: Self.edge) == ["refused 10 451"])
    #expect(try submit(9, over: Self.edge) == ["commit 9 2"])
  }

  @Test("what is on its way over lookup's next edge is waited for, also before that is known")
  func lookupAgain() throws {
    var intake = try Self.intake()
    let next = Self.edge + 1
    for isKnown in [false, true] {
      let number: UInt32 = isKnown ? 8 : 7
      if isKnown {
        intake.lookupFound(edge: next)
        _ = intake.lookupLost(edge: Self.edge)
      }
      let submit = intake.submit(
        try Self.message(number, size: 0),
        envelopes: try Self.tally(1...1),
        over: next,
        from: Self.frontend
      )
      #expect(submit.isEmpty)
      let envelopes = intake.envelopes([try Self.envelope(number, 1)])
      #expect(Self.words(envelopes) == ["commit \(number) 1"])
    }
  }
}
