// SPDX-License-Identifier: ISC

import Glibc

/// Wakes a thread that sleeps in poll(2).
final class WakePipe: Sendable {
  let readEnd: CInt
  private let writeEnd: CInt

  init() throws(ResolverError) {
    var ends: (CInt, CInt) = (-1, -1)
    // pipe(2) fills two integers, which is what the tuple holds.
    let failure = unsafe withUnsafeMutableBytes(of: &ends) { bytes in
      unsafe pipe(bytes.bindMemory(to: CInt.self).baseAddress)
    }
    guard failure == 0 else { throw .system(call: "pipe", code: errno) }
    (readEnd, writeEnd) = ends
    for end in [readEnd, writeEnd] {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }

  /// A full pipe is as good: the thread will wake.
  func ring() {
    var byte: UInt8 = 1
    // One byte from a local variable.
    _ = unsafe write(writeEnd, &byte, 1)
  }

  func silence() {
    var room: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    // Reads at most the size of the local variable.
    while unsafe read(readEnd, &room, MemoryLayout.size(ofValue: room)) > 0 {}
  }
}
