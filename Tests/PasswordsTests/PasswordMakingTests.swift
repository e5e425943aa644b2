// SPDX-License-Identifier: ISC

import Passwords
import Testing

@Suite("Making hashes of passwords")
struct PasswordMakingTests {
  private static let forms: [(PasswordMaking.Method, String, Int)] = [
    (.bcrypt, "$2b$11$", 60), (.sha512, "$6$", 106), (.yescrypt, "$y$", 73),
  ]

  @Test("each method has its prefix and length, and no salt comes twice", arguments: forms)
  func methods(_ method: PasswordMaking.Method, _ prefix: String, _ length: Int) throws {
    let password = Array("correct horse".utf8)
    let first = try PasswordMaking.hash(of: password, by: method)
    #expect(first.hasPrefix(prefix) && first.utf8.count == length, "\(first)")
    #expect(try PasswordMaking.hash(of: password, by: method) != first)
  }

  @Test("without a method it is what the library likes best")
  func usual() throws {
    #expect(try PasswordMaking.hash(of: Array("x".utf8), by: nil).hasPrefix("$y$"))
  }

  @Test("a password that would be cut, or is none, is refused")
  func refused() throws {
    #expect(throws: PasswordMaking.Failure.unusable) { try PasswordMaking.hash(of: [], by: nil) }
    #expect(throws: PasswordMaking.Failure.unusable) {
      try PasswordMaking.hash(of: [65, 0], by: nil)
    }
    for method in PasswordMaking.Method.allCases {
      let most = PasswordMaking.lengthMax(of: method)
      _ = try PasswordMaking.hash(of: Array(repeating: 65, count: most), by: method)
      #expect(throws: PasswordMaking.Failure.tooLong(most)) {
        try PasswordMaking.hash(of: Array(repeating: 65, count: most + 1), by: method)
      }
    }
  }
}
