// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc

/// A block of bytes that travels as a descriptor: a projection that no datagram could hold.
package enum SealedFile {
  /// The largest block, in bytes.
  package static let sizeMax = 256 << 20

  /// A sealed in-memory file; nil when the kernel gives none.
  package static func make(name: String, _ bytes: [UInt8]) -> Descriptor? {
    // The name and the bytes are read during the call only.
    let descriptor = unsafe talaria_sealed_file(name, bytes, bytes.count)
    return descriptor < 0 ? nil : Descriptor(owning: descriptor)
  }

  /// All of the file's bytes; nil when it cannot be read or is too large. Closes it.
  package static func read(_ descriptor: CInt) -> [UInt8]? {
    let file = Descriptor(owning: descriptor)
    let size = Int(lseek(file.borrow(), 0, SEEK_END))
    guard size >= 0, size <= sizeMax else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    var done = 0
    while done < size {
      // The rest of the array, which `size - done` bytes fill.
      let step = unsafe bytes.withUnsafeMutableBytes { buffer in
        let rest = unsafe buffer.baseAddress.map { unsafe $0 + done }
        return unsafe pread(file.borrow(), rest, size - done, off_t(done))
      }
      guard step > 0 else { return nil }
      done += step
    }
    return bytes
  }
}
