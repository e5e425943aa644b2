// SPDX-License-Identifier: ISC

internal import CLMDB

extension MDB_val {
  /// Points to `bytes`, which LMDB will only read, and only as long as they last.
  @unsafe
  init(_ bytes: UnsafeRawBufferPointer) {
    unsafe self.init(
      mv_size: bytes.count,
      mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress)
    )
  }
}
