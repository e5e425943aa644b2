// SPDX-License-Identifier: ISC

/// The search for CR and LF, which every byte of a message goes through.
enum LineEndSearch {
  /// The index of the first CR or LF at or behind `start`; the number of bytes when there is none.
  static func firstIndex(in bytes: Span<UInt8>, from start: Int) -> Int {
    var index = start
    while bytes.count - index >= 8 {
      let word = word(bytes, at: index)
      // The lowest marked byte is a hit; those above it may be marked by its borrow.
      let hits = zeroBytes(word ^ 0x0a0a_0a0a_0a0a_0a0a) | zeroBytes(word ^ 0x0d0d_0d0d_0d0d_0d0d)
      if hits != 0 { return index + hits.trailingZeroBitCount >> 3 }
      index += 8
    }
    while index < bytes.count, bytes[index] != 0x0a, bytes[index] != 0x0d { index += 1 }
    return index
  }

  /// Eight bytes, the first of them lowest: the compiler makes one load of it.
  @inline(__always)
  private static func word(_ bytes: Span<UInt8>, at index: Int) -> UInt64 {
    let eight = bytes.extracting(index..<index + 8)
    let low =
      UInt64(eight[0]) | UInt64(eight[1]) << 8 | UInt64(eight[2]) << 16 | UInt64(eight[3]) << 24
    let high =
      UInt64(eight[4]) | UInt64(eight[5]) << 8 | UInt64(eight[6]) << 16 | UInt64(eight[7]) << 24
    return low | high << 32
  }

  /// The top bit of the lowest byte that is zero, and perhaps of bytes above it.
  @inline(__always)
  private static func zeroBytes(_ word: UInt64) -> UInt64 {
    (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
  }
}
