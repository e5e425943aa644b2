// SPDX-License-Identifier: ISC

internal import CCrypt
internal import Glibc

/// Makes hashes of crypt(5), each with a salt of its own.
package enum PasswordMaking {
  /// How a password is hashed, by the name that crypt(5) has for it.
  package enum Method: String, CaseIterable, Sendable {
    case bcrypt
    case sha512 = "sha512crypt"
    case yescrypt

    var prefix: String {
      switch self {
      case .bcrypt: "$2b$"
      case .sha512: "$6$"
      case .yescrypt: "$y$"
      }
    }

    /// What a hash costs, in the method's own measure; 0 is what the library thinks right, which for
    /// bcrypt is what was right in 1999.
    var cost: UInt { self == .bcrypt ? 11 : 0 }
  }

  /// Why there is no hash.
  package enum Failure: Error, Equatable, Sendable {
    /// It is empty, or has a zero in it, which would end it.
    case unusable
    /// More than `lengthMax`.
    case tooLong(Int)
    /// The library cannot make such hashes.
    case unsupported
  }

  /// Bytes of a password that a method looks at: what is beyond would be a password that nobody needs.
  package static func lengthMax(of method: Method?) -> Int {
    method == .bcrypt ? 72 : Int(CRYPT_MAX_PASSPHRASE_SIZE) - 1
  }

  /// - Parameter method: nil is what the library likes best.
  package static func hash(
    of password: [UInt8],
    by method: Method?
  ) throws(Failure) -> String {
    guard !password.isEmpty, !password.contains(0) else { throw .unusable }
    let most = lengthMax(of: method)
    guard password.count <= most else { throw .tooLong(most) }
    // Salts are the library's own, from the kernel; what it returns is freed here.
    guard let setting = unsafe crypt_gensalt_ra(method?.prefix, method?.cost ?? 0, nil, 0) else {
      throw .unsupported
    }
    defer { unsafe free(setting) }
    var phrase = password.map { CChar(bitPattern: $0) } + [0]
    var room: UnsafeMutableRawPointer?
    var size: CInt = 0
    // The library allocates its room, which is wiped and freed here; the result lies in it.
    let result = unsafe crypt_ra(&phrase, setting, &room, &size)
    defer {
      if let room = unsafe room {
        unsafe explicit_bzero(room, Int(size))
        unsafe free(room)
      }
      for index in phrase.indices { phrase[index] = 0 }
    }
    guard let result = unsafe result else { throw .unsupported }
    let text = unsafe String(cString: result)
    guard !text.hasPrefix("*") else { throw .unsupported }
    return text
  }
}
