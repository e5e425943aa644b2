// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import TableStore
import Testing

@testable import LMDBStore
@testable import SQLiteStore

extension Backend {
  /// Flips one bit of a body of a store that is closed.
  func flipBody(_ id: MessageID, at index: Int, in spool: Spool) throws {
    guard self == .fs else {
      return try flip(.bodies, UInt64(id.rawValue), at: index, in: spool)
    }
    try spool.flip("queue/\("\(id)".prefix(2))/\(id)/message", at: index)
  }

  /// Flips one bit of a body that is a file.
  func flipStaged(_ id: MessageID, at index: Int, in spool: Spool) throws {
    try spool.flip(stage(in: spool).path(of: id), at: index)
  }

  /// Makes a closed store look as if version 99 had written it.
  func pretendNewer(in spool: Spool) throws {
    switch self {
    case .sqlite:
      let connection = try Connection(path: "\(spool.disk.root)/sqlite/queue.db")
      try connection.execute("PRAGMA user_version = 99")
    case .lmdb:
      let environment = try Environment(path: "\(spool.disk.root)/lmdb", mapSize: 1 << 30)
      try environment.begin()
      let value = Environment.Value(checksum: Checksum.of([99]), content: [99])
      try environment.put(.meta, Array("version".utf8), value, .replace)
      try environment.commit()
    case .ram, .fs: throw Unsupported()
    }
  }

  /// Spoils a setting of a closed store.
  func damageSetting(_ name: String, in spool: Spool) throws {
    let tables = try tables(in: spool)
    _ = try tables.open()
    defer { tables.close() }
    var value = try #require(try tables.setting(name))
    value.content[0] ^= 1
    try tables.begin(expecting: 0)
    try tables.setSetting(name, value)
    try tables.commit()
  }
}
