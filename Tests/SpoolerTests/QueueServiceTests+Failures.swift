// SPDX-License-Identifier: ISC

import Configuration
import ControlProtocol
import Disk
import Interprocess
import Mail
import Queue
import StoreFactory
import Testing

/// Commits that fail, and what others have put into the store.
extension QueueServiceTests {
  /// A message that the queue does not know.
  private static func foreign(_ id: MessageID) throws -> NewMessage {
    var message = QueueRig.message(id, size: 3)
    message.session.helo = "elsewhere"
    return NewMessage(
      message: message,
      envelopes: [try QueueRig.envelope(id, 77)],
      body: .bytes([1, 2, 3])
    )
  }

  private static func number(_ id: MessageID, plus distance: UInt32) throws -> MessageID {
    try #require(MessageID(id.rawValue + distance))
  }

  /// What lookup is asked where a notice goes.
  private static func notice(
    _ lookup: inout LookupPeer
  ) async throws -> (token: UInt64, id: MessageID) {
    let asked = await lookup.next { message -> (token: UInt64, id: MessageID)? in
      if case .route(let token, let message, _) = message { (token, message.id) } else { nil }
    }
    return try #require(asked)
  }

  /// What frontends are told next of new transactions: a reply's code, or 0 for welcome.
  private static func admission(_ frontend: inout FrontendPeer) async -> UInt16? {
    await frontend.next { message in
      if case .admission(let reply) = message { reply?.code ?? 0 } else { nil }
    }
  }

  @Test("a number that is another message's: 451, the other stays, and all others are taken")
  func collision() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    let first = try await Self.block(&frontend)
    let ids = try (0..<20).map { try Self.number(first, plus: $0) }
    let other = try Self.foreign(ids[7])
    rig.put(other)
    let answers = try await Self.submitAll(ids, &frontend, lookup)
    for id in ids { #expect(answers[id] == (id == ids[7] ? 451 : 250), "\(id)") }
    // The store is open: nobody was told to wait, and what comes next is taken.
    let last = try Self.number(first, plus: 30)
    #expect(try await Self.submit(last, &frontend, lookup) == 250)
    #expect(rig.messages[ids[7]] == other.message)
    #expect(rig.messages.count == ids.count)
  }

  @Test("once a number was another's, the next ones are those that the store does not have")
  func skipping() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    let first = try await Self.block(&frontend)
    rig.put(try Self.foreign(first))
    for distance: UInt32 in [1024, 1025, 1030] {
      rig.put(try Self.foreign(try Self.number(first, plus: distance)))
    }
    #expect(try await Self.submit(first, &frontend, lookup) == 451)
    try await frontend.send(.reserve)
    let block = await frontend.next { message -> (UInt32, UInt32)? in
      if case .block(let first, let count) = message { (first.rawValue, count) } else { nil }
    }
    let (start, count) = try #require(block)
    #expect(start == first.rawValue + 1026 && count == 4)
  }

  @Test("of a long queue whose numbers have no gap none is given out while it is read")
  func skippingWhileRead() async throws {
    let last: UInt32 = 20_000
    let mail = try (1...last).map { number in try Self.foreign(try #require(MessageID(number))) }
    let rig = try await QueueRig(holding: mail)
    var frontend = try await rig.frontend()
    #expect(try await Self.block(&frontend).rawValue > last)
  }

  @Test("a commit that fails otherwise does not take along what another message has")
  func failureBesideForeign() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    let id = try await Self.block(&frontend)
    let other = try Self.foreign(id)
    rig.put(other)
    rig.fail(QueueRig.broken)
    #expect(try await Self.submit(id, &frontend, lookup) == 451)
    rig.fail(nil)
    for distance: UInt32 in 1...20 {
      // Taken once the store is well again.
      _ = try await Self.submit(try Self.number(id, plus: distance), &frontend, lookup)
    }
    #expect(try await Self.submit(try Self.number(id, plus: 21), &frontend, lookup) == 250)
    #expect(rig.messages[id] == other.message)
  }

  @Test("what was answered with 451 and is in the store all the same is removed")
  func durableFailure() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    let id = try await Self.block(&frontend)
    rig.failLate(QueueRig.broken)
    #expect(try await Self.submit(id, &frontend, lookup) == 451)
    #expect(try await !Self.isStored(id, rig))
  }

  @Test("a notice whose number is another's gets the next one; the other stays")
  func noticeCollision() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    var lookup = try await rig.lookup()
    var delivery = try await rig.delivery()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    try await Self.report(try await Self.task(&delivery), .permanent, &delivery)
    let (token, notice) = try await Self.notice(&lookup)
    let other = try Self.foreign(notice)
    rig.put(other)
    try await lookup.send(.routed(token: token, [try QueueRig.envelope(notice, 2)]))
    let task = try await Self.task(&delivery)
    let given = try #require(task.envelopes.first?.id.message)
    #expect(given != notice && task.envelopes.map(\.id.low) == [2])
    #expect(String(decoding: task.body ?? [], as: UTF8.self).contains("multipart/report"))
    #expect(try await !Self.isStored(id, rig))
    try await Self.report(task, .delivered, &delivery)
    #expect(rig.messages[notice] == other.message && rig.messages[id] == nil)
  }

  @Test("a notice that was recorded though its commit failed is there once")
  func noticeAfterDurableFailure() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    var lookup = try await rig.lookup()
    var delivery = try await rig.delivery()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    try await Self.report(try await Self.task(&delivery), .permanent, &delivery)
    let (token, notice) = try await Self.notice(&lookup)
    rig.failLate(QueueRig.broken)
    try await lookup.send(.routed(token: token, [try QueueRig.envelope(notice, 2)]))
    let task = try await Self.task(&delivery)
    #expect(task.envelopes.map(\.id.message) == [notice])
    try await Self.report(task, .delivered, &delivery)
    #expect(try await !Self.isStored(notice, rig))
    #expect(try await !Self.isStored(id, rig))
  }

  @Test("what an operator asks has an answer while the store cannot be opened again")
  func unwellForLong() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    var control = try await rig.control()
    let id = try await Self.block(&frontend)
    rig.failReopening(QueueRig.broken)
    rig.fail(QueueRig.broken)
    #expect(try await Self.submit(id, &frontend, lookup) == 451)
    for number: UInt32 in 1...2 {
      let answer = try await control.answer(number, .showQueue(.all))
      guard case .failure(let reason)? = answer.last else {
        Issue.record("\(answer)")
        continue
      }
      #expect(reason.contains("cannot be used now") && reason.contains("injected"))
    }
    rig.fail(nil)
    rig.failReopening(nil)
    for number: UInt32 in 3...100 {
      if case .done? = try await control.answer(number, .showQueue(.all)).last { return }
      try await _Concurrency.Task.sleep(for: .milliseconds(50))
    }
    Issue.record("the store is well again, and nobody is told")
  }

  @Test("a store that cannot be opened again for want of room is once the reserve is given up")
  func fullWhenReopened() async throws {
    let disk = MemoryDisk()
    let rig = try await QueueRig(on: disk)
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    var control = try await rig.control()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    while disk.files()[SpaceReserve.name] == nil { await _Concurrency.Task.yield() }
    rig.fill(disk)
    rig.fail(QueueRig.broken)
    let other = try Self.number(id, plus: 1)
    #expect(try await Self.submit(other, &frontend, lookup) == 451)
    rig.fail(nil)
    for number: UInt32 in 1...1000 {
      if case .done? = try await control.answer(number, .showQueue(.all)).last { break }
      try await _Concurrency.Task.sleep(for: .milliseconds(20))
    }
    #expect(disk.files()[SpaceReserve.name] == nil)
    #expect(try await Self.isStored(id, rig))
    #expect(try await !Self.isStored(other, rig))
    // What was given up is not for new mail; once there is room that comes again, and the reserve too.
    #expect(await Self.admission(&frontend) == 452)
    disk.reportedSpace.bytesAvailable = disk.reportedSpace.bytes
    #expect(await Self.admission(&frontend) == 0)
    #expect(disk.files()[SpaceReserve.name] != nil)
  }

  @Test(
    "a store that cannot be opened at the start for want of room is once the reserve is given up"
  )
  func fullAtStart() async throws {
    let disk = MemoryDisk()
    var reserve = SpaceReserve(disk: disk, size: 16 << 20)
    #expect(try reserve.build())
    disk.reportedSpace.bytesAvailable = 0
    let rig = try await QueueRig(on: disk) {
      disk.files()[SpaceReserve.name] == nil ? nil : .full(path: "ram")
    }
    var control = try await rig.control()
    guard case .done? = try await control.answer(1, .showQueue(.all)).last else {
      Issue.record("the queue is not served")
      return
    }
    #expect(disk.files()[SpaceReserve.name] == nil)
    var frontend = try await rig.frontend()
    #expect(await Self.admission(&frontend) == 452)
    disk.reportedSpace.bytesAvailable = disk.reportedSpace.bytes
    #expect(await Self.admission(&frontend) == 0)
    let lookup = try await rig.lookup()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
  }

  @Test("a spool whose backend cannot be recorded for want of room gets the reserve of its store")
  func fullWhenSettled() async throws {
    let disk = MemoryDisk()
    let store = StoreFactory.store(.filesystem, on: disk)
    _ = try store.open()
    try store.close(within: .seconds(10))
    let used = disk.files().values.reduce(0) { $0 + $1.count }
    #expect(disk.files()[SpaceReserve.name] != nil)
    disk.fault = .room(used)
    disk.reportedSpace.bytesAvailable = 0
    let rig = try await QueueRig(on: disk, backend: .filesystem)
    var control = try await rig.control()
    guard case .done? = try await control.answer(1, .showQueue(.all)).last else {
      Issue.record("the queue is not served")
      return
    }
    #expect(disk.files()[BackendChoice.file] == Array("fs\n".utf8))
    #expect(disk.files()[SpaceReserve.name] == nil)
    var frontend = try await rig.frontend()
    #expect(await Self.admission(&frontend) == 452)
    disk.fault = .none
    disk.reportedSpace.bytesAvailable = disk.reportedSpace.bytes
    #expect(await Self.admission(&frontend) == 0)
    let lookup = try await rig.lookup()
    #expect(try await Self.submit(try await Self.block(&frontend), &frontend, lookup) == 250)
    // Made again by the upkeep behind that.
    while disk.files()[SpaceReserve.name] == nil { await _Concurrency.Task.yield() }
  }

  @Test("where there is no reserve either, the service ends and says why")
  func fullAtStartWithoutReserve() async throws {
    let disk = MemoryDisk()
    disk.reportedSpace.bytesAvailable = 0
    let rig = try await QueueRig(on: disk) { .full(path: "ram") }
    #expect(try await rig.impossible().contains("no space left"))
  }

  @Test("a store that was marked as moved while it was closed is not served when it opens again")
  func movedMeanwhile() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    let id = try await Self.block(&frontend)
    rig.set(StoreCopy.movedMark, Array("lmdb".utf8))
    rig.fail(QueueRig.broken)
    #expect(try await Self.submit(id, &frontend, lookup) == 451)
    #expect(try await rig.impossible().contains("was moved to lmdb"))
  }
}
