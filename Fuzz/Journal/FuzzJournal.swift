// SPDX-License-Identifier: ISC

import FilesystemStore

/// Feeds the input to the readers of the fs store as a file of the journal, as one change, and as the
/// file of an envelope: read or refused, never a crash.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzJournal(_ start: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  // libFuzzer hands over `size` bytes that live as long as this call; they are copied at once.
  let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: size))
  JournalFuzzing.run(bytes)
  return 0
}
