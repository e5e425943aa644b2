// SPDX-License-Identifier: ISC

package import Queue

/// Space that is set aside so that deletions can still be recorded on a full disk.
///
/// Not for several threads: the store thread owns it.
package struct SpaceReserve {
  package static let name = "reserve"

  private let disk: any Disk
  package let size: Int
  package private(set) var isHeld = false

  package init(disk: any Disk, size: Int) {
    self.disk = disk
    self.size = size
  }

  /// Fills the reserve if it is not there. Returns whether it is there now; on a nearly full disk it
  /// is left for later.
  ///
  /// - Throws: when the disk fails otherwise than by being full.
  @discardableResult
  package mutating func build(floor: DiskSpace.Floor = .init()) throws(StoreError) -> Bool {
    if isHeld || size == 0 { return true }
    do throws(DiskError) {
      let old = try disk.facts(SpaceReserve.name).map { UInt64(max(0, $0.size)) }
      if old == UInt64(size) {
        isHeld = true
        return true
      }
      var after = try disk.space()
      after.bytesAvailable += old ?? 0
      let hasRoom = after.bytesAvailable > UInt64(size)
      if hasRoom { after.bytesAvailable -= UInt64(size) }
      guard hasRoom, !after.isNearlyFull(floor) else {
        // One of another size, an earlier server's, is better than none.
        isHeld = old ?? 0 > 0
        return isHeld
      }
      if old != nil { try disk.unlink(SpaceReserve.name) }
      try fill()
      isHeld = true
      return true
    } catch {
      try? disk.removeIfPresent(SpaceReserve.name)
      if error.code == .full { return false }
      throw error.storeError(in: disk.root)
    }
  }

  private func fill() throws(DiskError) {
    let file = try disk.open(SpaceReserve.name, .create)
    defer { disk.close(file) }
    try disk.preallocate(file, size: size)
    try disk.synchronize(file)
  }

  /// Gives the space to whoever writes next. Returns whether there was any.
  package mutating func release() throws(StoreError) -> Bool {
    guard isHeld else { return false }
    isHeld = false
    _ = try SpaceReserve.release(on: disk)
    return true
  }

  /// The same, for a spool that nobody serves.
  package static func release(on disk: any Disk) throws(StoreError) -> Bool {
    try disk.asStore { () throws(DiskError) in
      guard try disk.facts(name) != nil else { return false }
      try disk.unlink(name)
      try disk.synchronizeDirectory("")
      return true
    }
  }
}
