// SPDX-License-Identifier: ISC

import Testing

@testable import TLS

@Suite("Encrypted private keys")
struct EncryptedKeyTests {
  /// What openssl(1) is told to encrypt a key in the file `certificate` by.
  static let styles: [(name: String, arguments: [String])] = [
    ("PKCS#8", ["pkey", "-aes256"]),
    ("PKCS#8 with scrypt", ["pkcs8", "-topk8", "-scrypt"]),
    ("PKCS#8 with PKCS#12's way", ["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"]),
    ("traditional", ["pkey", "-traditional", "-aes128"]),
  ]

  private static func made(_ bytes: [UInt8]) -> Passphrase? {
    // The array is read during the call only.
    unsafe bytes.withUnsafeBytes { unsafe Passphrase(copying: $0) }
  }

  private static func passphrase(_ text: String) throws -> Passphrase {
    try #require(made(Array(text.utf8)))
  }

  /// Makes a key, encrypted by `secret`, and does something with it.
  private func withKey<Result>(
    _ style: [String],
    by secret: String = "secret",
    before: String = "",
    _ body: (CInt) throws -> Result
  ) throws -> Result {
    let directory = try TestDirectory()
    defer { directory.remove() }
    try directory.openssl(["genpkey", "-algorithm", "ed25519", "-out", "key"])
    if style.contains("-traditional") {
      // Ed25519 has no other form.
      let curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
      try directory.openssl(["genpkey"] + curve + ["-out", "key"])
    }
    try directory.openssl(
      style + ["-in", "key", "-passout", "pass:\(secret)", "-out", "certificate"]
    )
    let text = String(decoding: try directory.read("certificate"), as: UTF8.self)
    #expect(text.contains("ENCRYPTED"))
    try directory.write(before + text, to: "key")
    return try directory.withFile("key") { try body($0) }
  }

  @Test("the right passphrase decrypts it, and no other one, nor none", arguments: styles)
  func tried(name: String, arguments: [String]) throws {
    try withKey(arguments) { file in
      #expect(try PrivateKey(descriptor: file) == nil)
      for wrong in ["", "Secret", "secret ", "secre", String(repeating: "x", count: 1023)] {
        let passphrase = try Self.passphrase(wrong)
        #expect(try PrivateKey(descriptor: file, passphrase: passphrase) == nil, "\(wrong)")
      }
      let right = try Self.passphrase("secret")
      let key = try #require(try PrivateKey(descriptor: file, passphrase: right))
      let isEdwards = !arguments.contains("-traditional")
      let request = SigningRequest(
        key: key.name,
        algorithm: isEdwards ? .ed25519 : .ecdsaSHA256,
        input: [UInt8](repeating: 1, count: 32)
      )
      #expect(key.sign(request) != nil)
      // It is not used up.
      #expect(try PrivateKey(descriptor: file, passphrase: right)?.name == key.name)
    }
  }

  @Test("a passphrase may be so long, and no longer", arguments: styles)
  func length(name: String, arguments: [String]) throws {
    #expect(Passphrase.lengthMax == 1023)
    let longest = String(repeating: "y", count: 1023)
    try withKey(arguments, by: longest) { file in
      let passphrase = try Self.passphrase(longest)
      #expect(try PrivateKey(descriptor: file, passphrase: passphrase) != nil)
    }
    #expect(Self.made([UInt8](repeating: 1, count: 1024)) == nil)
  }

  @Test("a key that is not encrypted needs none, and one is no harm")
  func clear() throws {
    let directory = try TestDirectory()
    defer { directory.remove() }
    try directory.openssl(["genpkey", "-algorithm", "ed25519", "-out", "key"])
    let passphrase = try Self.passphrase("secret")
    let key = try directory.withFile("key") {
      try PrivateKey(descriptor: $0, passphrase: passphrase)
    }
    #expect(key != nil)
  }

  /// With what iterations, or N of scrypt with r = 8, it is encrypted; and whether that is too much.
  static let rounds: [(arguments: [String], isTooMuch: Bool)] = [
    (["-v2", "aes256", "-iter", "1"], false),
    (["-v2", "aes256", "-iter", "2000000"], false),
    (["-v2", "aes256", "-iter", "2000001"], true),
    (["-v1", "PBE-SHA1-3DES", "-iter", "2000001"], true),
    (["-scrypt", "-scrypt_N", "16384", "-scrypt_r", "8", "-scrypt_p", "1"], false),
    (["-scrypt", "-scrypt_N", "16384", "-scrypt_r", "8", "-scrypt_p", "16"], true),
  ]

  @Test("whoever writes a key cannot have it tried for ever", arguments: rounds)
  func bounded(arguments: [String], isTooMuch: Bool) throws {
    try withKey(["pkcs8", "-topk8"] + arguments) { file in
      let passphrase = try Self.passphrase("secret")
      guard isTooMuch else {
        #expect(try PrivateKey(descriptor: file, passphrase: passphrase) != nil)
        return
      }
      for passphrase in [nil, passphrase] {
        #expect(throws: TLSError("the key is encrypted with more than 2000000 rounds")) {
          _ = try PrivateKey(descriptor: file, passphrase: passphrase)
        }
      }
    }
  }

  @Test("what several keys in one file ask for counts together, behind nonsense, too")
  func together() throws {
    let style = ["pkcs8", "-topk8", "-v2", "aes256", "-iter", "1500000"]
    let directory = try TestDirectory()
    defer { directory.remove() }
    try directory.openssl(["genpkey", "-algorithm", "ed25519", "-out", "key"])
    try directory.openssl(style + ["-in", "key", "-passout", "pass:secret", "-out", "certificate"])
    let one = String(decoding: try directory.read("certificate"), as: UTF8.self)
    let nonsense = "-----BEGIN X-----\n!\n-----END X-----\n"
    for (before, isTooMuch) in [
      ("", false), (nonsense, false), (one, true), (one + nonsense, true),
    ] {
      let isRefused = try withKey(style, before: before) { file in
        do throws(TLSError) {
          return try PrivateKey(descriptor: file) != nil
        } catch {
          return error.reason.contains("rounds")
        }
      }
      #expect(isRefused == isTooMuch, "\(before)")
    }
  }

  /// A key in both encryptions that there are in PEM, by the same passphrase, as no tool makes
  /// it. The library takes both off.
  private func wrapped(
    _ name: String,
    rounds: Int,
    in directory: TestDirectory
  ) throws -> String {
    let (salt, rest) = ("0123456789ABCDEF", "0011223344556677")
    try directory.openssl(["genpkey", "-algorithm", "ed25519", "-out", "key"])
    let style = ["pkcs8", "-topk8", "-v2", "aes256", "-iter", "\(rounds)", "-outform", "DER"]
    try directory.openssl(style + ["-in", "key", "-passout", "pass:secret", "-out", "certificate"])
    // The MD5 of "secret" and the salt, the first half of the vector.
    let key = "5f772a83139a8d48ba45597c721ab6f2"
    let way = ["enc", "-aes-128-cbc", "-K", key, "-iv", salt + rest, "-base64"]
    try directory.openssl(way + ["-in", "certificate", "-out", "key"])
    let body = String(decoding: try directory.read("key"), as: UTF8.self)
    let header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,\(salt)\(rest)\n"
    return "-----BEGIN \(name)-----\n\(header)\n\(body)-----END \(name)-----\n"
  }

  @Test("an encryption within another one is bounded as well", arguments: [1000, 2_000_001])
  func within(rounds: Int) throws {
    for name in ["ENCRYPTED PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "X"] {
      let directory = try TestDirectory()
      defer { directory.remove() }
      try directory.write(try wrapped(name, rounds: rounds, in: directory), to: "key")
      try directory.withFile("key") { file in
        // Who has not the outer passphrase does not come to the inner one.
        for secret in [nil, "wrong"] {
          let outcome = try Self.outcome(file, secret)
          #expect(outcome != .refused, "\(name)")
        }
        let outcome = try Self.outcome(file, "secret")
        #expect((outcome == .refused) == (rounds > 2_000_000), "\(name)")
        if name == "ENCRYPTED PRIVATE KEY", rounds == 1000 { #expect(outcome == .key) }
      }
    }
  }

  @Test(
    "a content that is encrypted is bounded whatever the header around it says",
    arguments: ["ENCRYPTED PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY", "X"],
    ["", "X: y\n\n", "Proc-Type: 4,MIC-CLEAR\n\n"]
  )
  func named(name: String, header: String) throws {
    let directory = try TestDirectory()
    defer { directory.remove() }
    try directory.openssl(["genpkey", "-algorithm", "ed25519", "-out", "key"])
    let style = ["pkcs8", "-topk8", "-v2", "aes256", "-iter", "2000001"]
    try directory.openssl(style + ["-in", "key", "-passout", "pass:secret", "-out", "certificate"])
    let lines = String(decoding: try directory.read("certificate"), as: UTF8.self)
      .split(separator: "\n").dropFirst().dropLast()
    let body = lines.joined(separator: "\n")
    try directory.write(
      "-----BEGIN \(name)-----\n\(header)\(body)\n-----END \(name)-----\n",
      to: "key"
    )
    try directory.withFile("key") { file in
      for secret in [nil, "secret"] {
        let outcome = try Self.outcome(file, secret)
        #expect(outcome == .refused, "\(secret ?? "none")")
      }
    }
  }

  private enum Outcome {
    case key, locked, refused, nothing
  }

  private static func outcome(_ file: CInt, _ secret: String?) throws -> Outcome {
    var known: Passphrase?
    if let secret { known = try passphrase(secret) }
    do {
      let key = try PrivateKey(descriptor: file, passphrase: known)
      return key == nil ? .locked : .key
    } catch {
      let isRefused = error.reason == "the key is encrypted with more than 2000000 rounds"
      return isRefused ? .refused : .nothing
    }
  }
}
