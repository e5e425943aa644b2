// SPDX-License-Identifier: ISC

internal import COpenSSL

/// The passphrase of an encrypted key, in the processes that read keys. It is overwritten once nobody has it
/// any more.
@safe package final class Passphrase {
  /// The longest one, in bytes.
  package static let lengthMax = Int(TALARIA_PASSPHRASE_MAX)

  // Allocated and freed here; nothing keeps a pointer into it.
  private let content: UnsafeMutableRawBufferPointer

  /// Copies the bytes, which stay the caller's to wipe; nil when there are too many.
  package init?(copying bytes: UnsafeRawBufferPointer) {
    guard bytes.count <= Passphrase.lengthMax else { return nil }
    unsafe content = .allocate(byteCount: bytes.count, alignment: 1)
    unsafe content.copyMemory(from: bytes)
  }

  deinit {
    if let start = unsafe content.baseAddress { unsafe talaria_wipe(start, content.count) }
    unsafe content.deallocate()
  }

  /// In bytes.
  package var count: Int { unsafe content.count }

  /// Its bytes, during the call only.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    unsafe body(UnsafeRawBufferPointer(content))
  }

  /// Overwrites bytes that a passphrase was in, in a way that no compiler leaves out.
  package static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
    if let start = bytes.baseAddress { unsafe talaria_wipe(start, bytes.count) }
  }
}
