// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Passwords

@Suite("Hashes of passwords")
struct PasswordHashTests {
  /// By kind, each of `correct horse`, as other programs made them.
  static let hashes: [(kind: String, hash: String)] = [
    ("bcrypt", "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"),
    ("bcrypt of PHP", "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"),
    (
      "sha512",
      "$6$talariasalt$2qrfaRBXZnrLjQ6QfTtAiBToTz36vBH.6YctMhXwQyRrWrr9360ouOn1mXoh2soB77jvk25uLKe0RPEpur72i/"
    ),
    ("sha256", "$5$talariasalt$hfCEx36N9HqVeG5er8sWqdaI9frxbEyImUZqHLw3W59"),
    (
      "yescrypt",
      "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$zwtVrjrUCmXcyLTs6oxLTQlzifSUkF8RHJ./tK5KU79"
    ),
    ("md5", "$1$talaria1$cx5UR8OKTkb00.eeA1GL.."),
    ("des", "abhfCpXqd4GrI"),
  ]

  @Test("the right password fits, and no other", arguments: hashes)
  func fits(kind: String, hash: String) {
    #expect(matches("correct horse", hash))
    for wrong in ["correct horsf", "orrect horse", "", "correct horse battery"] {
      // The oldest kind looks at eight characters only.
      let isBlind = kind == "des" && wrong.hasPrefix("correct ")
      #expect(matches(wrong, hash) == isBlind, "\(wrong)")
    }
  }

  @Test(
    "what is no hash fits nothing, and neither does an account that is locked",
    arguments: [
      "", "*", "!", "*0", "*1", "x", "!$6$talariasalt$2qrf", "$6$", "$99$a$b", "plain", "$2b$05$",
    ]
  )
  func unusable(hash: String) {
    #expect(!matches("correct horse", hash))
    #expect(!matches(hash, hash))
  }

  @Test("without a hash no password fits, not even the one that time is spent on")
  func absent() {
    let hash = PasswordHashTests.hashes[3].hash
    #expect(!PasswordHash.matches(secret("correct horse"), nil, otherwise: hash))
  }

  @Test("a password may have as many bytes as the library looks at, and no more")
  func length() {
    let longest = String(repeating: "a", count: PasswordHash.Limits.password)
    #expect(!matches(longest, PasswordHashTests.hashes[3].hash))
    let hash = "$5$talariasalt$gspEDvQ7V8Ettzoc.XkDCQa0r2nLeYeYcR/2Auu3a.8"
    #expect(matches(longest, hash))
    #expect(!matches(longest + "a", hash))
  }

  @Test("the usual setting is one that the library takes")
  func usual() {
    #expect(PasswordHash.usualSetting.hasPrefix("$"))
    #expect(!matches("correct horse", PasswordHash.usualSetting))
  }

  private func matches(_ password: String, _ hash: String) -> Bool {
    PasswordHash.matches(secret(password), hash, otherwise: PasswordHash.usualSetting)
  }

  private func secret(_ text: String) -> Secret { Secret(Array(text.utf8)) }
}
