// SPDX-License-Identifier: ISC

import ControlProtocol
import Testing

@testable import Control

@Suite("The table of requests")
struct RequestTableTests {
  static func table(_ limits: ControlServerLimits = ControlServerLimits()) -> RequestTable {
    var table = RequestTable(limits: limits)
    for target in ControlTarget.allCases { table.connected(target) }
    return table
  }

  @Test("Parts are passed on as they are, and each further one needs a credit")
  func streaming() {
    var table = RequestTableTests.table()
    let part = ControlResponse.bytes([1, 2]).encoded()
    #expect(
      table.received(.showQueue(.all), id: 7, from: 1)
        == [.send(.showQueue(.all), id: 1, to: .queue)]
    )
    #expect(
      table.received(response: part, id: 1, from: .queue) == [.respond(1, id: 7, content: part)]
    )
    #expect(table.received(.more, id: 7, from: 1) == [.send(.more, id: 1, to: .queue)])
    let done = ControlResponse.done.encoded()
    #expect(
      table.received(response: done, id: 1, from: .queue) == [.respond(1, id: 7, content: done)]
    )
    #expect(table.count == 0)
    #expect(table.received(.more, id: 7, from: 1).isEmpty)
    #expect(table.received(response: part, id: 1, from: .queue).isEmpty)
  }

  @Test("Two clients may choose the same identifier")
  func identifiers() {
    var table = RequestTableTests.table()
    #expect(table.received(.showStatus, id: 1, from: 1) == [.send(.showStatus, id: 1, to: .queue)])
    #expect(table.received(.showStatus, id: 1, from: 2) == [.send(.showStatus, id: 2, to: .queue)])
    let status = ControlResponse.status(SubsystemStatus()).encoded()
    #expect(
      table.received(response: status, id: 2, from: .queue) == [.respond(2, id: 1, content: status)]
    )
    #expect(
      table.received(response: status, id: 1, from: .queue) == [.respond(1, id: 1, content: status)]
    )
  }

  @Test("An identifier in use, or zero, ends the connection")
  func identifierInUse() {
    var table = RequestTableTests.table()
    _ = table.received(.showStatus, id: 1, from: 1)
    let dropped = [RequestTable.Action.drop(1, reason: "a request identifier in use")]
    #expect(table.received(.showStatus, id: 1, from: 1) == dropped)
    #expect(table.received(.showStatus, id: 0, from: 1) == dropped)
  }

  @Test("Requests are bounded for each client, credits for each request")
  func limits() {
    var limits = ControlServerLimits()
    limits.requestsPerClient = 2
    limits.creditsPerRequest = 3
    var table = RequestTableTests.table(limits)
    _ = table.received(.showStatus, id: 1, from: 1)
    _ = table.received(.showStatus, id: 2, from: 1)
    #expect(
      table.received(.showStatus, id: 3, from: 1)
        == [
          .respond(
            1,
            id: 3,
            content: ControlResponse.failure("too many requests at once").encoded()
          )
        ]
    )
    #expect(table.received(.showStatus, id: 3, from: 2).count == 1)
    #expect(table.received(.more, id: 1, from: 1).count == 1)
    #expect(table.received(.more, id: 1, from: 1).count == 1)
    #expect(table.received(.more, id: 1, from: 1) == [.drop(1, reason: "too many credits")])
  }

  @Test("Statistics of all roles that answer are added up")
  func statistics() {
    var table = RequestTableTests.table()
    _ = table.lost(.lookup)
    #expect(
      table.received(.showStats, id: 1, from: 1, own: [Statistic("uptime", 9)])
        == [.send(.showStats, id: 1, to: .queue), .watch(id: 1, .queue)]
    )
    let some = ControlResponse.statistics([Statistic("a", 1), Statistic("b", 2)]).encoded()
    #expect(
      table.received(response: some, id: 1, from: .queue)
        == [.send(.showStats, id: 1, to: .frontend), .watch(id: 1, .frontend)]
    )
    #expect(table.received(response: some, id: 1, from: .queue).isEmpty)
    #expect(
      table.received(response: some, id: 1, from: .frontend)
        == [.send(.showStats, id: 1, to: .delivery), .watch(id: 1, .delivery)]
    )
    let sum = ControlResponse.statistics([
      Statistic("a", 2), Statistic("b", 4), .silent("delivery"), .silent("lookup"),
      Statistic("uptime", 9),
    ])
    #expect(table.lost(.delivery) == [.respond(1, id: 1, content: sum.encoded())])
  }

  @Test(
    "A role that says nothing is left out of statistics, and told of; a late answer is nobody's"
  )
  func silence() {
    var table = RequestTableTests.table()
    let some = ControlResponse.statistics([Statistic("a", 1)]).encoded()
    _ = table.received(.showStats, id: 1, from: 1)
    _ = table.received(response: some, id: 1, from: .queue)
    #expect(table.late(1, .queue).isEmpty, "it has answered")
    #expect(
      table.late(1, .frontend)
        == [.send(.showStats, id: 1, to: .delivery), .watch(id: 1, .delivery)]
    )
    #expect(table.received(response: some, id: 1, from: .frontend).isEmpty)
    _ = table.received(response: some, id: 1, from: .delivery)
    let sum = ControlResponse.statistics([Statistic("a", 2), .silent("frontend")]).encoded()
    #expect(
      table.received(response: ControlResponse.statistics([]).encoded(), id: 1, from: .lookup)
        == [.respond(1, id: 1, content: sum)]
    )
    #expect(table.late(1, .lookup).isEmpty && table.count == 0)
  }

  @Test("The frontend is told of a pause that the queue agreed to, and of no other")
  func agreement() {
    var table = RequestTableTests.table()
    let done = ControlResponse.done.encoded()
    _ = table.received(.pause(.smtp), id: 1, from: 1)
    #expect(
      table.received(response: done, id: 1, from: .queue)
        == [.send(.pause(.smtp), id: 1, to: .frontend)]
    )
    #expect(
      table.received(response: done, id: 1, from: .frontend)
        == [.respond(1, id: 1, content: done)]
    )
    _ = table.received(.pause(.smtp), id: 2, from: 1)
    let refused = ControlResponse.failure("already paused").encoded()
    #expect(
      table.received(response: refused, id: 2, from: .queue)
        == [.respond(1, id: 2, content: refused)]
    )
  }

  @Test("A role that is not there, or ends, is a failure for those who wait")
  func lostRole() {
    var table = RequestTable()
    let absent = ControlResponse.failure("the queue does not run; try again").encoded()
    #expect(
      table.received(.showStatus, id: 1, from: 1) == [.respond(1, id: 1, content: absent)]
    )
    table.connected(.queue)
    _ = table.received(.showStatus, id: 2, from: 1)
    let ended = ControlResponse.failure("the queue ended meanwhile; try again").encoded()
    #expect(table.lost(.queue) == [.respond(1, id: 2, content: ended)])
    #expect(table.count == 0)
  }

  @Test("A client that goes away cancels what it asked")
  func goneClient() {
    var table = RequestTableTests.table()
    _ = table.received(.showQueue(.all), id: 1, from: 1)
    _ = table.received(.showQueue(.all), id: 1, from: 2)
    _ = table.received(.showQueue(.all), id: 2, from: 1)
    #expect(
      table.gone(1) == [.send(.cancel, id: 1, to: .queue), .send(.cancel, id: 3, to: .queue)]
    )
    #expect(table.count == 1)
    #expect(table.received(.cancel, id: 1, from: 2) == [.send(.cancel, id: 2, to: .queue)])
    #expect(table.count == 0)
  }

  @Test("A role's answer that no frame can carry becomes a failure")
  func oversizedAnswer() {
    var table = RequestTableTests.table()
    _ = table.received(.showQueue(.all), id: 1, from: 1)
    let failure = ControlResponse.failure("the queue answered too much at once").encoded()
    #expect(
      table.received(response: Array(repeating: 1, count: ControlLimits.frame), id: 1, from: .queue)
        == [.respond(1, id: 1, content: failure)]
    )
  }
}
