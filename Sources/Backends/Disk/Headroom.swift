// SPDX-License-Identifier: ISC

/// Zeros that are kept behind what is used of a file, so that its commits write over them.
///
/// A sync of data that made its file longer waits for the file system's journal as well, which takes
/// several times as long as the data. With the zeros this is paid once a step, not with each commit.
package struct Headroom {
  private let path: String
  private let step: Int
  /// Bytes that the file has, or, after a failure, where it is tried again; nil before the first use.
  private var size: Int?

  /// Steps that must be free on the disk: with less, space is not taken before it is needed.
  package static let stepsFree = 16

  /// - Parameters:
  ///   - path: of a file on the disk that is given later.
  ///   - step: bytes that are written at a time.
  package init(path: String, step: Int) {
    precondition(step > 0, "no room")
    self.path = path
    self.step = step
  }

  /// Makes the file longer, if need be, so that its first `used` bytes and some more are there.
  ///
  /// Syncs nothing: whoever commits into the file does. An error is no concern: what is missing is
  /// then added by the commit itself, which tells what is wrong.
  package mutating func keep(over used: Int, on disk: any Disk) {
    if let size, used <= size { return }
    let target = used + step
    do throws(DiskError) {
      size = try extend(to: target, on: disk)
    } catch {
      size = target
    }
  }

  /// - Returns: up to where this has been tried.
  private func extend(to target: Int, on disk: any Disk) throws(DiskError) -> Int {
    let space = try disk.space()
    guard space.bytesAvailable >= UInt64(Headroom.stepsFree * step), !space.isNearlyFull() else {
      return target
    }
    guard let facts = try disk.facts(path), facts.size < target else { return target }
    let file = try disk.open(path, .write)
    defer { disk.close(file) }
    let zeros = [UInt8](repeating: 0, count: min(step, 1 << 18))
    var offset = facts.size
    while offset < target {
      let count = min(zeros.count, target - offset)
      try disk.write(count == zeros.count ? zeros : Array(zeros[..<count]), to: file, at: offset)
      offset += count
    }
    return target
  }
}
