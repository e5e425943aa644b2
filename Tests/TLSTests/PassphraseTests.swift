// SPDX-License-Identifier: ISC

import Testing

@testable import TLS

@Suite("Passphrases")
struct PassphraseTests {
  private static let secret = Array("correct horse battery staple".utf8)

  /// What was in memory that was given back.
  private final class Freed {
    private(set) var contents: [[UInt8]] = []

    func take(_ bytes: UnsafeMutableRawBufferPointer) {
      unsafe contents.append(Array(bytes))
      unsafe bytes.deallocate()
    }
  }

  @Test("a passphrase is overwritten when the last holder lets go, and not before")
  func overwritten() throws {
    let freed = Freed()
    // The array is read during the call only.
    var first = unsafe Self.secret.withUnsafeBytes {
      unsafe Passphrase(copying: $0, freeing: { unsafe freed.take($0) })
    }
    var second = first
    first = nil
    #expect(freed.contents.isEmpty)
    let kept = unsafe second?.withBytes { unsafe Array($0) }
    #expect(kept == Self.secret)
    second = nil
    #expect(freed.contents == [[UInt8](repeating: 0, count: Self.secret.count)])
  }

  @Test("what one is read into is overwritten, however long it is")
  func readInto() {
    let freed = Freed()
    for count in [Self.secret.count, 1023] {
      // The memory is as long as its count says.
      let read = unsafe Passphrase.withMemory(count, freeing: { unsafe freed.take($0) }) { bytes in
        unsafe bytes.copyBytes(from: Self.secret)
        return unsafe Array(bytes.prefix(Self.secret.count))
      }
      #expect(read == Self.secret)
      #expect(freed.contents.last == [UInt8](repeating: 0, count: count))
    }
    #expect(freed.contents.count == 2)
  }
}
