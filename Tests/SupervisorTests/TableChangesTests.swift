// SPDX-License-Identifier: ISC

import Testing

@testable import Supervisor

@Suite("Other files of tables")
struct TableChangesTests {
  /// The looks and hand-overs of one supervisor.
  private final class Rig {
    private var changes = TableChanges()

    func saw(_ identity: TableChanges.Identity?, of table: Int) -> Bool {
      changes.saw(identity, of: table)
    }

    func hand(_ identity: TableChanges.Identity, of table: Int) {
      changes.hand(identity, of: table)
    }

    func refused(of table: Int) { changes.refused(of: table) }

    func lost(of table: Int) -> TableChanges.Loss { changes.lost(of: table) }
  }

  private static func file(_ number: UInt64, modified: Int64 = 0) -> TableChanges.Identity {
    TableChanges.Identity(
      device: 1,
      number: number,
      size: 8192,
      modified: modified,
      mode: 0o100600,
      owner: 0
    )
  }

  @Test(
    "the file that lookup has is no change, and another one is, at its second look and until it is handed over"
  )
  func change() {
    let changes = Rig()
    changes.hand(Self.file(1), of: 0)
    for _ in 0..<3 { #expect(!changes.saw(Self.file(1), of: 0)) }
    #expect(!changes.saw(Self.file(2), of: 0))
    for _ in 0..<3 { #expect(changes.saw(Self.file(2), of: 0)) }
    changes.hand(Self.file(2), of: 0)
    for _ in 0..<3 { #expect(!changes.saw(Self.file(2), of: 0)) }
    // What was there before is another file, too.
    #expect(!changes.saw(Self.file(1), of: 0))
    #expect(changes.saw(Self.file(1), of: 0))
  }

  @Test(
    "one that is being written counts once it is the same twice; none, for a moment, is no change"
  )
  func settling() {
    let changes = Rig()
    changes.hand(Self.file(1), of: 0)
    for time in 1..<5 as Range<Int64> {
      #expect(!changes.saw(Self.file(1, modified: time), of: 0))
    }
    #expect(changes.saw(Self.file(1, modified: 4), of: 0))
    for _ in 0..<3 { #expect(!changes.saw(nil, of: 0)) }
    #expect(!changes.saw(Self.file(1), of: 0))
    #expect(!changes.saw(Self.file(1), of: 0))
  }

  @Test("each trait of a file tells it from another")
  func traits() {
    var others = [Self.file(1), Self.file(1), Self.file(1), Self.file(1), Self.file(1)]
    others[0].device = 2
    others[1].size = 0
    others[2].modified = 1
    others[3].mode = 0o100666
    others[4].owner = 1
    for other in others + [Self.file(2)] {
      let changes = Rig()
      changes.hand(Self.file(1), of: 0)
      _ = changes.saw(other, of: 0)
      #expect(changes.saw(other, of: 0), "\(other)")
    }
  }

  @Test("a file over which lookup ended is handed over twice more, and another one after it, too")
  func lost() {
    let changes = Rig()
    changes.hand(Self.file(1), of: 0)
    changes.hand(Self.file(2), of: 0)
    _ = changes.saw(Self.file(2), of: 0)
    for _ in 0..<2 {
      #expect(changes.lost(of: 0) == .comesAgain)
      #expect(changes.saw(Self.file(2), of: 0))
      changes.hand(Self.file(2), of: 0)
      #expect(!changes.saw(Self.file(2), of: 0))
    }
    #expect(changes.lost(of: 0) == .givenUp)
    #expect(!changes.saw(Self.file(2), of: 0))
    _ = changes.saw(Self.file(3), of: 0)
    #expect(changes.saw(Self.file(3), of: 0))
    changes.hand(Self.file(3), of: 0)
    #expect(changes.lost(of: 0) == .comesAgain)
    #expect(changes.saw(Self.file(3), of: 0))
  }

  @Test("one that cannot be opened is not offered again, and one that came meanwhile is")
  func refused() {
    let changes = Rig()
    changes.hand(Self.file(1), of: 0)
    _ = changes.saw(Self.file(2), of: 0)
    #expect(changes.saw(Self.file(2), of: 0))
    changes.refused(of: 0)
    for _ in 0..<3 { #expect(!changes.saw(Self.file(2), of: 0)) }
    _ = changes.saw(Self.file(3), of: 0)
    #expect(changes.saw(Self.file(3), of: 0))
    // Put there when the other one was seen last.
    changes.refused(of: 0)
    _ = changes.saw(Self.file(4), of: 0)
    #expect(changes.saw(Self.file(4), of: 0))
    // Nothing was there.
    _ = changes.saw(nil, of: 0)
    changes.refused(of: 0)
    _ = changes.saw(Self.file(5), of: 0)
    #expect(changes.saw(Self.file(5), of: 0))
  }

  @Test("tables are told apart")
  func several() {
    let changes = Rig()
    changes.hand(Self.file(1), of: 0)
    changes.hand(Self.file(2), of: 1)
    for _ in 0..<2 {
      _ = changes.saw(Self.file(1), of: 1)
      #expect(!changes.saw(Self.file(1), of: 0))
    }
    #expect(changes.saw(Self.file(1), of: 1))
  }
}
