// SPDX-License-Identifier: ISC

internal import COpenSSL

/// The passphrase of an encrypted key, in the processes that read keys. It is overwritten once nobody has it
/// any more.
@safe package final class Passphrase {
  /// Gives memory back that is overwritten.
  package typealias Free = (UnsafeMutableRawBufferPointer) -> Void

  /// The longest one, in bytes.
  package static let lengthMax = Int(TALARIA_PASSPHRASE_MAX)

  // Allocated and freed here; nothing keeps a pointer into it.
  private let content: UnsafeMutableRawBufferPointer
  private let free: Free

  /// Copies the bytes, which stay the caller's to wipe; nil when there are too many.
  package init?(
    copying bytes: UnsafeRawBufferPointer,
    freeing free: @escaping Free = { unsafe $0.deallocate() }
  ) {
    guard bytes.count <= Passphrase.lengthMax else { return nil }
    unsafe content = .allocate(byteCount: bytes.count, alignment: 1)
    unsafe content.copyMemory(from: bytes)
    unsafe self.free = free
  }

  deinit { unsafe Passphrase.end(content, free) }

  /// In bytes.
  package var count: Int { unsafe content.count }

  /// Its bytes, during the call only.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    unsafe body(UnsafeRawBufferPointer(content))
  }

  /// Calls with memory for what passphrases are in, which is overwritten afterwards and is there no longer.
  package static func withMemory<Result>(
    _ count: Int,
    freeing free: Free = { unsafe $0.deallocate() },
    _ body: (UnsafeMutableRawBufferPointer) -> Result
  ) -> Result {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
    defer { unsafe end(memory, free) }
    return unsafe body(memory)
  }

  /// Overwrites in a way that no compiler leaves out.
  private static func end(_ memory: UnsafeMutableRawBufferPointer, _ free: Free) {
    if let start = memory.baseAddress { unsafe talaria_wipe(start, memory.count) }
    unsafe free(memory)
  }
}
