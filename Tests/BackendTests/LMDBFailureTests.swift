// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import StoreJournal
import TableStore
import Testing

@testable import LMDBStore

@Suite("The LMDB store, when its database cannot be written,")
struct LMDBFailureTests {
  let spool: Spool

  init() throws { spool = try Spool() }

  private func survivor(_ limits: LMDBLimits = LMDBLimits()) throws -> LMDBSurvivor {
    try LMDBSurvivor(of: spool, limits)
  }

  /// A store whose commits of LMDB fail as the test says.
  private func failing(
    _ limits: LMDBLimits,
    on disk: any Disk
  ) -> (store: TableStore, tables: LMDBTables) {
    let tables = LMDBTables(disk: disk, limits: limits, clock: { Spool.now })
    let store = TableStore(
      tables: tables,
      disk: disk,
      directory: TableStore.lmdbDirectory,
      locking: .take,
      clock: { Spool.now }
    )
    return (store, tables)
  }

  @Test("takes what comes while the database has no space, until it has none itself")
  func full() throws {
    let (store, tables) = failing(.small, on: spool.disk)
    _ = try store.open()
    let full = StoreError.full(path: tables.path)
    tables.commitFault = { () throws(StoreError) in throw full }
    var taken: [UInt32] = []
    for number: UInt32 in 1...100 {
      do throws(StoreError) {
        try store.apply([.insert(try sample(number))])
        taken.append(number)
      } catch {
        #expect(error == full)
      }
    }
    // More than one file of the journal, and not all.
    #expect(taken.count > 20 && taken.count < 80)
    #expect(try store.everything().map(\.message.id.rawValue) == taken)
    #expect(try survivor(.small).messages == taken)
    #expect(try store.maintain() == .done)
    tables.commitFault = { () throws(StoreError) in }
    try store.apply([.insert(try Sample.mail(101))])
    #expect(try survivor(.small).messages == taken + [101])
    #expect(try store.maintain() == .done)
    #expect(try survivor(.small).report.remarks.isEmpty)
  }

  @Test("goes on in its next file where the database has no space and the current one ends")
  func fullInTheMiddle() throws {
    let (store, tables) = failing(.small, on: spool.disk)
    _ = try store.open()
    for number: UInt32 in 1...8 { try store.apply([.insert(try Sample.mail(number))]) }
    #expect(try store.maintain() == .done)
    let full = StoreError.full(path: tables.path)
    tables.commitFault = { () throws(StoreError) in throw full }
    var refused = 0
    for number: UInt32 in 1...8 {
      for change in [
        Change.removeMessage(try id(number)), .set("x", [UInt8](repeating: 1, count: 1000)),
      ] {
        do throws(StoreError) {
          try store.apply([change])
        } catch {
          #expect(error == full)
          refused += 1
          try store.apply([change])
        }
      }
    }
    #expect(refused <= 1)
    #expect(try survivor(.small).messages.isEmpty)
  }

  /// Throws nothing else than a store does.
  private func id(_ number: UInt32) throws(StoreError) -> MessageID {
    guard let id = MessageID(number) else { throw .absent }
    return id
  }

  /// The same.
  private func sample(_ number: UInt32) throws(StoreError) -> NewMessage {
    guard let mail = try? Sample.mail(number) else { throw .absent }
    return mail
  }

  @Test("opens with what it has where the database has no space, and leaves out what failed")
  func fullAtStart() throws {
    let disk = FaultyDisk(spool.disk)
    let (store, tables) = failing(LMDBLimits(), on: disk)
    _ = try store.open()
    try store.apply([.insert(try Sample.mail(1))])
    disk.fail { operation, path in
      operation == .synchronizeData && path.hasPrefix("lmdb/journal/")
    }
    #expect(throws: StoreError.self) { try store.apply([.insert(try Sample.mail(2))]) }
    disk.mend()
    let full = StoreError.full(path: tables.path)
    tables.commitFault = { () throws(StoreError) in throw full }
    _ = try store.reopen()
    try store.apply([.insert(try Sample.mail(3))])
    #expect(try store.everything().map(\.message.id.rawValue) == [1, 3])
    #expect(try survivor().messages == [1, 3])
    _ = try store.reopen()
    #expect(try store.everything().map(\.message.id.rawValue) == [1, 3])
  }

  @Test(
    "says that there is no room when that is why it cannot be opened again, and then loses nothing"
  )
  func fullWhenReopened() throws {
    let disk = FaultyDisk(spool.disk)
    let (store, tables) = failing(LMDBLimits(), on: disk)
    _ = try store.open()
    for number: UInt32 in 1...3 { try store.apply([.insert(try Sample.mail(number))]) }
    // No file of the journal is left that could be begun.
    while try tables.journal.shrink(keeping: 0) {}
    disk.fail(errno: 28) { operation, path in
      operation == .synchronizeData && path.hasPrefix("lmdb/journal/")
    }
    #expect(throws: StoreError.sealed(path: tables.path)) {
      try store.apply([.insert(try Sample.mail(4))])
    }
    disk.fail(errno: 28) { operation, _ in operation == .preallocate }
    let full = StoreError.full(path: tables.path)
    tables.commitFault = { () throws(StoreError) in throw full }
    for _ in 1...2 {
      let error = #expect(throws: StoreError.self) { try store.reopen() }
      guard case .full? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
    disk.mend()
    _ = try store.reopen()
    try store.apply([.removeMessage(try Sample.id(1))])
    #expect(try store.everything().map(\.message.id.rawValue) == [2, 3])
    #expect(try survivor().messages == [2, 3])
  }

  @Test("forgets what it knew of the spool when it gives that to others")
  func closed() throws {
    let (first, tables) = failing(LMDBLimits(), on: spool.disk)
    _ = try first.open()
    try first.apply([.insert(try Sample.mail(1))])
    // What it has is in the journal alone, and so is what the next one adds.
    let full = StoreError.full(path: tables.path)
    tables.commitFault = { () throws(StoreError) in throw full }
    try first.close(within: .zero)
    let (second, others) = failing(LMDBLimits(), on: spool.disk)
    others.commitFault = { () throws(StoreError) in throw full }
    _ = try second.open()
    try second.apply([.insert(try Sample.mail(2))])
    try second.close(within: .zero)
    _ = try first.open()
    #expect(try first.everything().map(\.message.id.rawValue) == [1, 2])
  }

  @Test("loses nothing when the database fails")
  func failedCommit() throws {
    let (store, tables) = failing(LMDBLimits(), on: spool.disk)
    _ = try store.open()
    try store.apply([.insert(try Sample.mail(1)), .insert(try Sample.mail(2))])
    let failure = StoreError.failed(
      operation: "commit",
      path: tables.path,
      errno: 6,
      explanation: "injected"
    )
    tables.commitFault = { () throws(StoreError) in throw failure }
    #expect(throws: failure) { try store.maintain() }
    #expect(throws: StoreError.self) { try store.apply([.insert(try Sample.mail(3))]) }
    #expect(throws: StoreError.self) { try store.reopen() }
    #expect(try survivor().messages == [1, 2])
    tables.commitFault = { () throws(StoreError) in }
    _ = try store.reopen()
    #expect(try store.everything().map(\.message.id.rawValue) == [1, 2])
    try store.apply([.insert(try Sample.mail(3))])
    #expect(try survivor().messages == [1, 2, 3])
  }
}
