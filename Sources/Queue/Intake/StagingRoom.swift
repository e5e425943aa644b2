// SPDX-License-Identifier: ISC

/// How much all staged bodies together may take of the disk before it is looked at again.
///
/// The free space is known as it was at the last look. What was handed to files since then, or was not
/// written yet at that time, counts against it.
struct StagingRoom: Sendable {
  /// Bytes that were ever handed to files.
  private var handed = 0
  /// Those of them that were written, or will not be.
  private(set) var settled = 0
  /// What `handed` may become.
  private var handedMax = Int.max

  /// Whether so many more may be handed to a file; they count if so.
  mutating func take(_ bytes: Int) -> Bool {
    guard bytes <= handedMax - handed else { return false }
    handed += bytes
    return true
  }

  mutating func settle(_ bytes: Int) {
    settled += bytes
    assert(settled <= handed)
  }

  /// A look at the disk, which began when so many were settled, found room for so many more.
  mutating func found(_ bytes: Int, whenSettled settled: Int) {
    assert(bytes >= 0 && settled <= self.settled)
    let (sum, isMore) = settled.addingReportingOverflow(bytes)
    // Files that are on their way are not called back.
    handedMax = isMore ? .max : max(sum, handed)
  }
}
