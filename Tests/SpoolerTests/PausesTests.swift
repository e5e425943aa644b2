// SPDX-License-Identifier: ISC

import Testing

@testable import Spooler

@Suite("Pauses")
struct PausesTests {
  @Test("what is paused at the start is not stored, not by a pause that changes nothing either")
  func atStart() {
    var pauses = Pauses()
    pauses.atStart = .mta
    pauses.restore(nil)
    var isNew = pauses.change(.mta, .paused)
    #expect(!isNew && pauses.current == .mta && pauses.stored == nil)
    isNew = pauses.change(.mda, .paused)
    #expect(isNew)
    #expect(pauses.current == [.mda, .mta])
    #expect(pauses.stored == [Pauses.Subsystems.mda.rawValue])
  }

  @Test("a pause once it was resumed is stored, whatever the start was")
  func resumed() {
    var pauses = Pauses()
    pauses.atStart = .mta
    pauses.restore(nil)
    let changes = [Pauses.Wanted.running, .running, .paused].map { pauses.change(.mta, $0) }
    #expect(changes == [true, false, true])
    #expect(pauses.stored == [Pauses.Subsystems.mta.rawValue])
  }

  @Test("what is stored holds, and goes when it is resumed")
  func stored() {
    var pauses = Pauses()
    pauses.restore([Pauses.Subsystems.smtp.rawValue])
    #expect(pauses.current == .smtp)
    let changes = [Pauses.Wanted.paused, .running].map { pauses.change(.smtp, $0) }
    #expect(changes == [false, true])
    #expect(pauses.current.isEmpty && pauses.stored == nil)
  }
}
