// SPDX-License-Identifier: ISC

/// What room the file system has, for users without privileges.
package struct DiskSpace: Hashable, Sendable {
  package var bytes: UInt64
  package var bytesAvailable: UInt64
  /// Zero where the file system does not count them.
  package var inodes: UInt64
  package var inodesAvailable: UInt64

  package init(bytes: UInt64, bytesAvailable: UInt64, inodes: UInt64, inodesAvailable: UInt64) {
    self.bytes = bytes
    self.bytesAvailable = bytesAvailable
    self.inodes = inodes
    self.inodesAvailable = inodesAvailable
  }

  /// Whether new mail is to be refused with 452.
  package func isNearlyFull(_ floor: Floor = Floor()) -> Bool {
    if bytesAvailable < least(floor) { return true }
    return inodes > 0 && inodesAvailable < inodes / 100 * UInt64(floor.percentMin)
  }

  /// Bytes that can be taken until the disk is nearly full.
  package func room(_ floor: Floor = Floor()) -> Int {
    let least = least(floor)
    return bytesAvailable > least ? Int(clamping: bytesAvailable - least) : 0
  }

  private func least(_ floor: Floor) -> UInt64 {
    floor.bytesMin ?? bytes / 100 * UInt64(floor.percentMin)
  }

  /// How much must be left.
  package struct Floor: Hashable, Sendable {
    /// Of blocks and of inodes.
    package var percentMin = 5
    /// Replaces the share of blocks where it is set.
    package var bytesMin: UInt64?

    package init(percentMin: Int = 5, bytesMin: UInt64? = nil) {
      self.percentMin = percentMin
      self.bytesMin = bytesMin
    }
  }
}
