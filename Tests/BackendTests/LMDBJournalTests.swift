// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import StoreJournal
import TableStore
import Testing

@testable import LMDBStore

@Suite("The journal of the LMDB store")
struct LMDBJournalTests {
  let spool: Spool

  init() throws { spool = try Spool() }

  private func store(on disk: any Disk, _ limits: LMDBLimits = LMDBLimits()) -> TableStore {
    TableStore.lmdb(disk: disk, limits: limits, clock: { Spool.now })
  }

  private func survivor(
    of spool: Spool? = nil,
    _ limits: LMDBLimits = LMDBLimits()
  ) throws -> LMDBSurvivor {
    try LMDBSurvivor(of: spool ?? self.spool, limits)
  }

  @Test("has what was answered, before the database's file has it")
  func answered() throws {
    let store = store(on: spool.disk)
    _ = try store.open()
    try store.apply((1...3).map { .insert(try Sample.mail($0, envelopes: 2)) })
    try store.apply([.removeMessage(try Sample.id(2)), .set("cursor", [7])])
    try store.apply([.update(try Sample.envelopeID(3), .crashed)])
    let expected = try store.everything()
    let survivor = try survivor()
    let next = survivor.store
    #expect(survivor.report.remarks == ["journal: 20 changes recovered"])
    #expect(try next.everything() == expected)
    #expect(try next.setting("cursor") == [7])
    #expect(try next.body(of: try Sample.id(3), from: 0, count: 1000) == Sample.body(3))
    #expect(next.statistics().envelopes == 4)
    #expect(try next.verifyAll().isEmpty)
    // The file has all of it once nothing waits, and after a clean stop.
    #expect(try store.maintain() == .done)
    #expect(try self.survivor().report.remarks.isEmpty)
    try next.close(within: .seconds(1))
    #expect(try next.open().remarks.isEmpty)
    #expect(try next.everything() == expected)
  }

  @Test("loses nothing, wherever it is stopped or fails", arguments: 1...6 as ClosedRange<UInt64>)
  func anywhere(seed: UInt64) throws {
    var random = Seeded(seed)
    let disk = FaultyDisk(spool.disk)
    let store = store(on: disk, .small)
    _ = try store.open()
    var model: [MessageID: [StoredEnvelope]] = [:]
    for number: UInt32 in 1...120 {
      let fault = random.next() % 10
      if fault < 2 {
        disk.fail { operation, path in
          path.hasPrefix("lmdb/journal/")
            && operation == (fault == 0 ? .write : .synchronizeData)
        }
      }
      var changes: [Change] = []
      var after = model
      for _ in 0...random.next() % 3 {
        if random.next() % 3 == 0, let (id, _) = after.randomElement(using: &random) {
          changes.append(.removeMessage(id))
          after[id] = nil
        } else {
          let new = try Sample.mail(
            number * 8 + UInt32(changes.count),
            envelopes: 1 + Int(random.next() % 3),
            size: Int(random.next() % 9) * 1000
          )
          changes.append(.insert(new))
          after[new.message.id] = new.envelopes.map {
            StoredEnvelope(message: new.message, envelope: $0)
          }
        }
      }
      do throws(StoreError) {
        try store.apply(changes)
        model = after
      } catch {
        disk.mend()
        _ = try store.reopen()
      }
      disk.mend()
      if random.next() % 8 == 0 { _ = try store.maintain() }
      let expected = model.values.flatMap(\.self).sorted { $0.envelope.id < $1.envelope.id }
      guard try store.everything() == expected else {
        Issue.record("seed \(seed): another queue after step \(number)")
        return
      }
      guard random.next() % 4 == 0 else { continue }
      let next = try survivor(of: nil, .small)
      guard try next.store.everything() == expected, try next.store.verifyAll().isEmpty else {
        Issue.record("seed \(seed): another queue after a stop behind step \(number)")
        return
      }
    }
    try LMDBCheck.run(on: spool.disk, .everything)
  }

  @Test(
    "does not bring back what was not answered",
    arguments: [FaultyDisk.Operation.write, .synchronizeData]
  )
  func unanswered(_ failing: FaultyDisk.Operation) throws {
    let disk = FaultyDisk(spool.disk)
    let store = store(on: disk)
    _ = try store.open()
    try store.apply([.insert(try Sample.mail(1))])
    disk.fail { operation, path in operation == failing && path.hasPrefix("lmdb/journal/") }
    #expect(throws: StoreError.self) { try store.apply([.insert(try Sample.mail(2))]) }
    #expect(throws: StoreError.sealed(path: disk.root + "/lmdb")) {
      try store.apply([.insert(try Sample.mail(3))])
    }
    if failing == .synchronizeData {
      // What the journal has is not durable before a sync.
      #expect(throws: StoreError.self) { try store.reopen() }
      #expect(throws: StoreError.self) { try store.reopen() }
    }
    disk.mend()
    _ = try store.reopen()
    #expect(try store.everything().map(\.message.id.rawValue) == [1])
    #expect(try survivor().messages == [1])
    try store.apply([.insert(try Sample.mail(2))])
    #expect(try survivor().messages == [1, 2])
  }

  @Test("takes a request back without what came before it")
  func takenBack() throws {
    let store = store(on: spool.disk)
    _ = try store.open()
    try store.apply([.insert(try Sample.mail(1)), .insert(try Sample.mail(2))])
    try store.apply([.removeMessage(try Sample.id(1))])
    let before = try store.everything()
    #expect(throws: StoreError.exists(try Sample.id(4))) {
      try store.apply([
        .insert(try Sample.mail(3)), .removeMessage(try Sample.id(2)),
        .insert(try Sample.mail(4)), .insert(try Sample.mail(4)),
      ])
    }
    #expect(throws: StoreError.exists(try Sample.id(2))) {
      try store.apply([.insert(try Sample.mail(2))])
    }
    #expect(try store.everything() == before)
    try store.apply([.insert(try Sample.mail(3))])
    #expect(try store.everything().map(\.message.id.rawValue) == [2, 3])
    #expect(try survivor().messages == [2, 3])
  }

  @Test("commits at once what the journal has no room for")
  func large() throws {
    let store = store(on: spool.disk, .small)
    _ = try store.open()
    try store.apply([.insert(try Sample.mail(1))])
    try store.apply([.insert(try Sample.mail(2, size: 100_000))])
    let next = try survivor(of: nil, .small)
    #expect(next.report.remarks.isEmpty)
    #expect(try next.messages == [1, 2])
    #expect(try next.store.body(of: try Sample.id(2), from: 0, count: 1 << 20).count == 100_000)
    try store.apply([.insert(try Sample.mail(3))])
    #expect(try survivor(of: nil, .small).messages == [1, 2, 3])
  }

  /// A stopped store with three messages in the journal alone, each a group of its own.
  private func abandoned() throws -> Spool {
    let store = store(on: spool.disk)
    _ = try store.open()
    for number: UInt32 in 1...3 { try store.apply([.insert(try Sample.mail(number))]) }
    return try spool.copied()
  }

  private func groups(in spool: Spool) throws -> (path: String, [SegmentScan.Group]) {
    for entry in try spool.disk.list("lmdb/journal") {
      let path = "lmdb/journal/\(entry.name)"
      let scan = SegmentScan(try #require(try spool.disk.content(of: path, atMost: 1 << 24)))
      if !scan.groups.isEmpty { return (path, scan.groups) }
    }
    return ("", [])
  }

  @Test("is not carried out in another database")
  func stranger() throws {
    let left = try abandoned()
    try left.disk.unlink("lmdb/data.mdb")
    let error = #expect(throws: StoreError.self) { try self.store(on: left.disk).open() }
    guard case .unusable(_, let problem, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(problem == "it belongs to a database that is gone")
  }

  @Test("leaves out a last group that was not written whole")
  func torn() throws {
    let left = try abandoned()
    let (path, groups) = try groups(in: left)
    let last = try #require(groups.last)
    try left.overwrite(path, at: last.offset + 512, with: [UInt8](repeating: 0, count: 512))
    let next = store(on: left.disk)
    #expect(
      try next.open().remarks == [
        "journal: 8 changes recovered",
        "journal: the last group was not written whole and is left out",
      ]
    )
    #expect(try next.everything().map(\.message.id.rawValue) == [1, 2])
    try next.apply([.insert(try Sample.mail(4))])
    #expect(try next.everything().map(\.message.id.rawValue) == [1, 2, 4])
  }

  @Test("puts what is damaged before valid groups into quarantine, once")
  func damaged() throws {
    let left = try abandoned()
    let (path, groups) = try groups(in: left)
    let range = try #require(groups[1].changes.first)
    try left.overwrite(path, at: range.lowerBound + 20, with: [0xff, 0xff])
    let next = store(on: left.disk)
    let report = try next.open()
    #expect(report.quarantined == 1)
    #expect(report.remarks.contains { $0.hasPrefix("\(path): damaged at ") })
    let found = try #require(try next.quarantined().first)
    #expect(found.name == "journal-1-\(range.lowerBound)")
    #expect(found.reason.hasSuffix("wrong checksum"))
    #expect(try next.quarantinedContent(found.name).count == range.count)
    #expect(throws: StoreError.self) { try next.restore(quarantined: found.name) }
    #expect(try next.everything().map(\.message.id.rawValue) == [1, 3])
    // What is left of the second message has followed.
    let aside = try next.quarantined()
    try next.close(within: .seconds(1))
    #expect(try next.open().remarks.isEmpty)
    #expect(try next.quarantined() == aside)
  }

  @Test("is begun anew where there is none, behind what the file has")
  func lost() throws {
    let left = try abandoned()
    let first = store(on: left.disk)
    _ = try first.open()
    try first.close(within: .seconds(1))
    for entry in try left.disk.list("lmdb/journal") {
      try left.disk.unlink("lmdb/journal/\(entry.name)")
    }
    let second = store(on: left.disk)
    #expect(try second.open().remarks.isEmpty)
    try second.apply([.insert(try Sample.mail(4))])
    #expect(try survivor(of: left).messages == [1, 2, 3, 4])
  }

  @Test("is added to a store of version 1, which has none")
  func older() throws {
    let store = store(on: spool.disk)
    _ = try store.open()
    try store.apply([.insert(try Sample.mail(1))])
    try store.close(within: .seconds(1))
    for entry in try spool.disk.list("lmdb/journal") {
      try spool.disk.unlink("lmdb/journal/\(entry.name)")
    }
    try spool.disk.removeDirectory("lmdb/journal")
    do {
      let environment = try Environment(path: "\(spool.disk.root)/lmdb", mapSize: 1 << 30)
      try environment.begin()
      let version = Environment.Value(checksum: Checksum.of([1]), content: [1])
      try environment.put(.meta, Array("version".utf8), version, .replace)
      #expect(try environment.remove(.meta, Array("journal".utf8)))
      try environment.commit()
    }
    #expect(try store.open().remarks.isEmpty)
    try store.apply([.insert(try Sample.mail(2))])
    #expect(try survivor().messages == [1, 2])
  }
}
