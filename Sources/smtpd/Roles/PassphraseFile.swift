// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess
internal import TLS

/// The passphrases of encrypted keys, in a file in memory that travels as a descriptor.
///
/// Who starts the server makes it and hands it on, and never reads it; the process that looks at the keys asks
/// and writes it; keys reads it at each renewal and keeps nothing. Once the start is over it is sealed.
final class PassphraseFile {
  /// What bounds the file.
  enum Limits {
    /// Different passphrases.
    static let count = 16
    /// Of the file: a number of passphrases, and each with its length, in two bytes.
    fileprivate static let size = 2 + count * (2 + Passphrase.lengthMax)
  }

  private var file: Descriptor?
  /// Nobody may write any more.
  private(set) var isSealed: Bool

  /// - Parameter inherited: a sealed one of whoever started this process; it is taken over.
  init(inherited: CInt?) {
    file = inherited.map { Descriptor(owning: $0) }
    isSealed = inherited != nil
  }

  /// The number of the descriptor, which stays open as long as this does; nil: there is no passphrase.
  var descriptor: CInt? { file?.borrow() }

  /// Gives the descriptor away, for whoever hands it on as long as the process lives.
  func release() -> CInt? {
    file.take()?.release()
  }

  /// Makes one that can be written, unless there is one.
  func prepare() throws(PassphraseFileFailure) {
    guard file == nil else { return }
    // The name is read during the call only.
    let made = unsafe talaria_memory_file("passphrases", Limits.size)
    guard made >= 0 else { throw PassphraseFileFailure(reason: systemError()) }
    file = Descriptor(owning: made)
  }

  /// Seals it, when those who could write it have ended; one that nobody has written is let go of.
  func seal() throws(PassphraseFileFailure) {
    guard let number = descriptor, !isSealed else { return }
    isSealed = true
    guard talaria_is_written(number) != 0 else {
      file = nil
      return
    }
    guard talaria_seal(number) == 0 else {
      throw PassphraseFileFailure(reason: systemError())
    }
  }

  /// What is in one; nil when it is none.
  static func read(_ descriptor: CInt) -> [Passphrase]? {
    unsafe Passphrase.withMemory(Limits.size) { content in
      // The buffer is as large as its count says, and so is the file.
      let count = unsafe pread(descriptor, content.baseAddress, content.count, 0)
      return unsafe count == content.count ? passphrases(in: UnsafeRawBufferPointer(content)) : nil
    }
  }

  private static func passphrases(in bytes: UnsafeRawBufferPointer) -> [Passphrase]? {
    var found: [Passphrase] = []
    var position = 2
    for _ in 0..<(unsafe number(in: bytes, at: 0)) {
      guard position + 2 <= bytes.count else { return nil }
      let start = position + 2
      position = start + (unsafe number(in: bytes, at: position))
      guard position <= bytes.count else { return nil }
      let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<position])
      guard let passphrase = unsafe Passphrase(copying: part) else { return nil }
      found.append(passphrase)
    }
    return found.count <= Limits.count ? found : nil
  }

  private static func number(in bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
    unsafe Int(bytes[offset]) | Int(bytes[offset + 1]) << 8
  }

  /// Writes one more behind those that are there: `known`, of which there are fewer than there may be.
  static func append(
    _ passphrase: Passphrase,
    behind known: [Passphrase],
    to descriptor: CInt
  ) throws(PassphraseFileFailure) {
    precondition(known.count < Limits.count)
    let offset = known.reduce(2) { $0 + 2 + $1.count }
    func write(_ number: Int, at offset: Int) -> CInt {
      let bytes = [UInt8(number & 0xff), UInt8(number >> 8)]
      // The array is read during the call only.
      return unsafe talaria_memory_write(descriptor, bytes, bytes.count, offset)
    }
    // Read during the calls only. The number last: what it counts is there.
    let isWritten = unsafe passphrase.withBytes { bytes in
      let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      return write(bytes.count, at: offset) == 0
        && (unsafe talaria_memory_write(descriptor, start, bytes.count, offset + 2)) == 0
        && write(known.count + 1, at: 0) == 0
    }
    guard isWritten else { throw PassphraseFileFailure(reason: systemError()) }
  }
}

/// Why a file in memory could not be made or written.
struct PassphraseFileFailure: Error {
  let reason: String
}
