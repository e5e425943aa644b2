// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Queue

@Suite("Group commit")
struct GroupCommitTests {
  private static func group(changes: Int = 4096) -> GroupCommit<Int> {
    var limits = GroupCommit<Int>.Limits()
    limits.changes = changes
    limits.patience = 4
    return GroupCommit(limits: limits)
  }

  private static let change = Change.set("x", nil)

  @Test("what is urgent goes at once, with all that waits")
  func urgency() throws {
    var group = Self.group()
    group.add([Self.change], ticket: 1, .soon, at: 0)
    let found1 = group.next(at: 3)
    #expect(found1 == nil)
    group.add([Self.change], ticket: 2, .now, at: 3)
    let found2 = group.next(at: 3)
    #expect(try #require(found2).map(\.ticket) == [1, 2])
    let found3 = group.next(at: 3)
    #expect(found3 == nil)
    group.finished()
    #expect(group.isIdle)
  }

  @Test("patience ends, and one group is under way at a time")
  func patience() throws {
    var group = Self.group()
    group.add([Self.change], ticket: 1, .soon, at: 10)
    #expect(group.deadline == 14)
    let found4 = group.next(at: 13)
    #expect(found4 == nil)
    let found5 = group.next(at: 14)
    #expect(found5?.count == 1)
    group.add([Self.change], ticket: 2, .now, at: 14)
    let found6 = group.next(at: 20)
    #expect(found6 == nil)
    group.finished()
    let found7 = group.next(at: 20)
    #expect(found7?.map(\.ticket) == [2])
  }

  @Test("a part is never split, and a group ends at its bound")
  func bounds() throws {
    var group = Self.group(changes: 2)
    group.add([Self.change, Self.change, Self.change], ticket: 1, .now, at: 0)
    group.add([Self.change], ticket: 2, .now, at: 0)
    let found8 = group.next(at: 0)
    #expect(found8?.map(\.ticket) == [1])
    group.finished()
    let found9 = group.next(at: 0)
    #expect(found9?.map(\.ticket) == [2])
  }

  @Test("a group has as much new mail as makes its sync worth while, and all else that waits")
  func worth() throws {
    var group = Self.group()
    for ticket in 0..<200 {
      group.add([Self.change], ticket: ticket, ticket % 2 == 0 ? .now : .soon, at: 0)
    }
    var sizes: [Int] = []
    for microseconds in [200, 1200, 10_000, 0] {
      let next = group.next(at: 0)
      sizes.append(try #require(next).count)
      group.finished(after: .microseconds(microseconds))
    }
    #expect(sizes == [32, 32, 40, 96])
    #expect(group.isIdle)
  }

  @Test("what failed goes first and in its order, and alone when it failed twice")
  func failures() throws {
    var group = Self.group()
    group.add([Self.change], ticket: 1, .now, at: 0)
    group.add([Self.change], ticket: 2, .now, at: 0)
    let found10 = group.next(at: 0)
    let first = try #require(found10)
    group.add([Self.change], ticket: 3, .soon, at: 0)
    group.failed(again: first)
    let found11 = group.next(at: 0)
    let second = try #require(found11)
    #expect(second.map(\.ticket) == [1, 2, 3])
    #expect(second.map(\.failures) == [1, 1, 0])
    group.failed(again: second)
    var order: [[Int]] = []
    while let next = group.next(at: 100) {
      order.append(next.map(\.ticket))
      group.finished()
    }
    #expect(order == [[1], [2], [3]])
    #expect(group.isIdle)
  }
}
