// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import TableStore
import Testing

@testable import SQLiteStore

@Suite("The SQLite store")
struct SQLiteStoreTests {
  let spool: Spool

  init() throws { spool = try Spool() }

  @Test("has the schema that is published")
  func schema() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let disk = try LinuxDisk(root: "/\(root)/schema")
    let published = try #require(try disk.content(of: "queue.sql", atMost: 1 << 16))
    #expect(String(decoding: published, as: UTF8.self) == Schema.first)
    #expect(Schema.steps.count == Schema.version)
  }

  @Test("syncs every commit to a write-ahead log that it has for itself")
  func pragmas() throws {
    let connection = try Connection(path: "\(spool.disk.root)/a.db")
    _ = try SQLiteOpening(connection: connection, limits: SQLiteLimits()).run()
    #expect(try connection.text("PRAGMA journal_mode") == "wal")
    #expect(try connection.number("PRAGMA synchronous") == 2)
    #expect(try connection.text("PRAGMA locking_mode") == "exclusive")
    #expect(try connection.number("PRAGMA wal_autocheckpoint") == 0)
    #expect(try connection.number("PRAGMA auto_vacuum") == 2)
    #expect(try connection.number("PRAGMA cache_size") == -4096)
  }

  @Test("refuses a database of another program")
  func stranger() throws {
    try spool.disk.ensureDirectory("sqlite")
    try Connection(path: "\(spool.disk.root)/sqlite/queue.db").execute("CREATE TABLE t (a)")
    let error = #expect(throws: StoreError.self) { try Backend.sqlite.opened(in: spool) }
    guard case .unusable = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("refuses a file that is no database, and one with a damaged header")
  func header() throws {
    let store = try Backend.sqlite.opened(in: spool)
    try store.apply([.insert(try Sample.mail(1))])
    try store.close(within: .seconds(1))
    try spool.overwrite("sqlite/queue.db", at: 0, with: [UInt8](repeating: 0x55, count: 100))
    let error = #expect(throws: StoreError.self) { try store.open() }
    guard case .damaged = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("serves what is not on a damaged page, and says what is")
  func damagedPage() throws {
    let store = try Backend.sqlite.opened(in: spool)
    try store.apply((1...400).map { .insert(try Sample.mail($0, size: 10)) })
    try store.close(within: .seconds(1))
    let root = try #require(
      try Connection(path: "\(spool.disk.root)/sqlite/queue.db")
        .number("SELECT rootpage FROM sqlite_schema WHERE name = 'envelopes'")
    )
    // The first child of the root: a leaf with the first envelopes.
    let file = try spool.disk.open("sqlite/queue.db", .read)
    let page = try spool.disk.read(file, at: Int(root - 1) * 4096, count: 4096)
    spool.disk.close(file)
    #expect(page[0] == 5, "an interior page")
    let cell = Int(page[12]) << 8 | Int(page[13])
    let child = page[cell..<cell + 4].reduce(0) { $0 << 8 | Int($1) }
    try spool.overwrite(
      "sqlite/queue.db",
      at: (child - 1) * 4096,
      with: [UInt8](repeating: 0xee, count: 4096)
    )
    _ = try store.open()
    let served = try store.everything(limit: 50).map(\.message.id.rawValue)
    #expect(served.count > 350)
    #expect(served == Array(400 - UInt32(served.count) + 1...400))
    #expect(try store.quarantined().map(\.name) == ["unreadable-envelope-0000000000000000"])
    try store.apply([.insert(try Sample.mail(500)), .update(try Sample.envelopeID(400), .crashed)])
    #expect(try store.body(of: try Sample.id(500)) == Sample.body(500))
  }

  @Test("bounds its log, by itself under load and at once when idle")
  func log() throws {
    var limits = SQLiteLimits()
    limits.log = 256 << 10
    limits.logHeadroom = 64 << 10
    limits.logIdle = 64 << 10
    let store = TableStore.sqlite(disk: spool.disk, limits: limits, clock: { Spool.now })
    _ = try store.open()
    for number: UInt32 in 1...300 {
      try store.apply([.insert(try Sample.mail(number, size: 4096))])
    }
    let size = try #require(try spool.disk.facts("sqlite/queue.db-wal")).size
    #expect(size < 2 * limits.log)
    while try store.maintain() == .more {}
    #expect(try store.maintain() == .done)
    #expect(try store.everything().count == 300)
  }

  @Test("commits into zeros that are there already")
  func headroom() throws {
    let store = try Backend.sqlite.opened(in: spool)
    var sizes: Set<Int> = []
    for number: UInt32 in 1...60 {
      try store.apply([.insert(try Sample.mail(number, size: 4096))])
      sizes.insert(try #require(try spool.disk.facts("sqlite/queue.db-wal")).size)
    }
    #expect(sizes.count == 1)
    #expect(try store.everything().count == 60)
  }

  @Test("gives space back after a backlog")
  func space() throws {
    var limits = SQLiteLimits()
    limits.freeKept = 1 << 20
    let store = TableStore.sqlite(disk: spool.disk, limits: limits, clock: { Spool.now })
    _ = try store.open()
    for start: UInt32 in 0..<20 {
      try store.apply((1...100).map { .insert(try Sample.mail(start * 100 + $0, size: 4096)) })
    }
    while try store.maintain() == .more {}
    let full = try #require(try spool.disk.facts("sqlite/queue.db")).size
    #expect(full > 8 << 20)
    try store.apply((1...1999).map { .removeMessage(try Sample.id($0)) })
    while try store.maintain() == .more {}
    try store.close(within: .seconds(1))
    let empty = try #require(try spool.disk.facts("sqlite/queue.db")).size
    #expect(empty <= 2 << 20)
    _ = try store.open()
    #expect(try store.everything().map(\.message.id.rawValue) == [2000])
  }

  @Test("takes nothing when there is no space, and goes on when there is")
  func full() throws {
    let tables = SQLiteTables(disk: spool.disk, limits: SQLiteLimits())
    _ = try tables.open()
    let row = RecordRow(key: 1, content: [UInt8](repeating: 1, count: 100_000), checksum: 0)
    try tables.opened.connection.execute("PRAGMA max_page_count = 20")
    try tables.begin(expecting: 0)
    let error = #expect(throws: StoreError.self) { try tables.insert(.bodies, row) }
    guard case .full = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    tables.rollBack()
    try tables.opened.connection.execute("PRAGMA max_page_count = 2000")
    try tables.begin(expecting: 0)
    try tables.insert(.bodies, row)
    try tables.commit()
    #expect(try tables.size(.bodies, 1) == 100_000)
    tables.close()
  }
}
