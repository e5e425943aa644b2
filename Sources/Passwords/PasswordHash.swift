// SPDX-License-Identifier: ISC

internal import CCrypt
internal import Glibc
package import Mail

/// Compares passwords with hashes of crypt(5). Takes its time, as such hashes are meant to.
package enum PasswordHash {
  /// What bounds a password.
  package enum Limits {
    /// Bytes; the library looks at no longer one.
    package static let password = Int(CRYPT_MAX_PASSPHRASE_SIZE) - 1
  }

  /// A setting to spend time on for users who have none, of the kind that the library likes best.
  package static let usualSetting: String = {
    let seed: [CChar] = [23, 71, 4, 55, 101, 9, 83, 62, 17, 120, 33, 48, 94, 2, 76, 110]
    var text = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
    // Both arrays are used during the call only, and are as long as is said.
    let result = unsafe crypt_gensalt_rn(nil, 0, seed, CInt(seed.count), &text, CInt(text.count))
    return unsafe result == nil ? "$6$talaria" : String(decodingZeroEnded: text)
  }()

  /// Whether it is the password that the hash was made of. Without a hash, or with one that no password
  /// has, the answer is no, after as much work as `setting` makes.
  package static func matches(
    _ password: Secret,
    _ hash: String?,
    otherwise setting: String
  ) -> Bool {
    guard 1...Limits.password ~= password.count else { return false }
    if let hash, let computed = crypted(password, hash) {
      return isEqual(computed, Array(hash.utf8))
    }
    _ = crypted(password, setting)
    return false
  }

  /// Nil when the setting is none.
  private static func crypted(_ password: Secret, _ setting: String) -> [UInt8]? {
    password.withBytes { bytes -> [UInt8]? in
      var phrase = [UInt8](repeating: 0, count: bytes.count + 1)
      for index in bytes.indices { phrase[index] = bytes[index] }
      defer { Secret.wipe(&phrase) }
      let size = MemoryLayout<crypt_data>.size
      let alignment = MemoryLayout<crypt_data>.alignment
      // The library works in the room that it is given, which is wiped before it goes; the result lies
      // in it, ends with a zero, and is copied.
      return unsafe withUnsafeTemporaryAllocation(byteCount: size, alignment: alignment) { room in
        guard let data = room.baseAddress else { return nil }
        unsafe memset(data, 0, size)
        defer { unsafe explicit_bzero(data, size) }
        let result = unsafe phrase.withUnsafeBufferPointer {
          buffer -> UnsafeMutablePointer<CChar>? in
          guard let start = buffer.baseAddress else { return nil }
          return unsafe start.withMemoryRebound(to: CChar.self, capacity: buffer.count) {
            unsafe crypt_rn($0, setting, data, CInt(size))
          }
        }
        guard let result = unsafe result,
          unsafe result.pointee != CChar(bitPattern: UInt8(ascii: "*"))
        else { return nil }
        return unsafe Array(String(cString: result).utf8)
      }
    }
  }

  /// Looks at every byte, wherever the first difference is.
  private static func isEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    guard first.count == second.count else { return false }
    var difference: UInt8 = 0
    for index in first.indices { difference |= first[index] ^ second[index] }
    return difference == 0
  }
}

extension String {
  /// The text before the first zero.
  fileprivate init(decodingZeroEnded characters: [CChar]) {
    self.init(
      decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
      as: UTF8.self
    )
  }
}
