// SPDX-License-Identifier: ISC

internal import Disk
internal import Queue

/// What the fuzz target and its corpus test run.
package enum LMDBFuzzing {
  /// Takes `bytes` for the data file of an environment, and walks it as before it is opened.
  ///
  /// Returns whether liblmdb would be let at it.
  @discardableResult
  package static func run(_ bytes: [UInt8]) -> Bool {
    let disk = MemoryDisk()
    do throws(DiskError) {
      try disk.makeDirectory("lmdb")
      let file = try disk.open("lmdb/data.mdb", .create)
      try disk.write(bytes, to: file, at: 0)
      disk.close(file)
    } catch {
      preconditionFailure("a disk in memory does not fail: \(error)")
    }
    do throws(StoreError) {
      try LMDBCheck.run(on: disk, .everything)
      return true
    } catch {
      guard case .damaged = error else { preconditionFailure("not told as damage: \(error)") }
      return false
    }
  }
}
