// SPDX-License-Identifier: ISC

/// Where libFuzzer hands over an input.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // The bytes live as long as this call, and are copied at once.
  LMDBInput.run(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}
