// SPDX-License-Identifier: ISC

import Testing

@testable import TLS

@Suite("Private keys")
struct PrivateKeyTests {
  @Test("a key signs digests of the length that the algorithm has, and nothing else")
  func lengths() throws {
    let certificates = try TestCertificate.Kind.allCases.map { ($0, try TestCertificate($0)) }
    let digests: [SigningRequest.Algorithm: (kind: TestCertificate.Kind, length: Int)] = [
      .rsaPKCS1SHA256: (.rsa, 32), .rsaPKCS1SHA384: (.rsa, 48), .rsaPKCS1SHA512: (.rsa, 64),
      .rsaPSSSHA256: (.rsa, 32), .rsaPSSSHA384: (.rsa, 48), .rsaPSSSHA512: (.rsa, 64),
      .ecdsaSHA256: (.ec, 32), .ecdsaSHA384: (.ec, 48), .ecdsaSHA512: (.ec, 64),
    ]
    for algorithm in SigningRequest.Algorithm.allCases {
      for (kind, certificate) in certificates {
        for length in [0, 1, 20, 31, 32, 33, 48, 64, 65, 128, 256, 511, 512, 513] {
          let request = SigningRequest(
            key: certificate.key.name,
            algorithm: algorithm,
            input: Array(repeating: 1, count: length)
          )
          let fits =
            algorithm == .ed25519
            ? kind == .ed25519 && length <= SigningRequest.inputMax
            : digests[algorithm]?.kind == kind && digests[algorithm]?.length == length
          #expect(
            (certificate.key.sign(request) != nil) == fits,
            "\(algorithm) over \(length) bytes with \(kind)"
          )
        }
      }
    }
  }

  @Test("a request for another key is refused")
  func anotherKey() throws {
    let one = try TestCertificate(.ec)
    let other = try TestCertificate(.ec)
    let request = SigningRequest(
      key: other.key.name,
      algorithm: .ecdsaSHA256,
      input: Array(repeating: 1, count: 32)
    )
    #expect(one.key.sign(request) == nil)
    #expect(other.key.sign(request) != nil)
  }

  @Test("the name of a key is that of its certificate")
  func names() throws {
    for kind in TestCertificate.Kind.allCases {
      let certificate = try TestCertificate(kind)
      #expect(try KeyName(ofCertificate: certificate.pem) == certificate.key.name)
    }
  }

  @Test("what is no key that can be used is refused with its reason")
  func faults() throws {
    let directory = try TestDirectory()
    defer { directory.remove() }
    func reason() throws -> String {
      try directory.withFile("key") { descriptor in
        do throws(TLSError) {
          return try PrivateKey(descriptor: descriptor) == nil ? "locked" : "none"
        } catch {
          return error.reason
        }
      }
    }
    try directory.write("", to: "key")
    #expect(try reason().contains("not a private key in PEM"))
    try directory.write(String(repeating: "x", count: 70_000), to: "key")
    #expect(try reason().contains("not a private key in PEM"))
    try directory.openssl(["genpkey", "-algorithm", "X25519", "-out", "key"])
    #expect(try reason().contains("neither RSA nor EC nor Ed25519"))
    try directory.openssl(
      ["genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:secret", "-out", "key"]
    )
    #expect(try reason() == "locked")
    try directory.openssl(["genpkey", "-algorithm", "ed25519", "-out", "key"])
    #expect(try reason() == "none")
  }

  @Test("what is no certificate is refused with its reason")
  func certificates() throws {
    let good = try TestCertificate(.ec).pem
    #expect(try Certificates.count(in: good + good) == 2)
    for (bytes, text) in [
      ([], "no certificate"), (Array("nonsense".utf8), "no certificate"),
      (good + Array("-----BEGIN CERTIFICATE-----\nAAAA\n".utf8), "not a certificate"),
    ] {
      do throws(TLSError) {
        _ = try Certificates.count(in: bytes)
        Issue.record("\(text): taken")
      } catch {
        #expect(error.reason.contains(text))
      }
    }
  }

  /// In one place each: what stands for a certificate, and what must not go on.
  private static let files: [(file: String, kept: String)] = [
    ("", ""), ("nonsense\n", ""), ("secret", ""),
    ("{CERT}", "{CERT}"), ("\u{feff}{CERT}{KEY}", "{CERT}"), ("{CERT}{CERT}", "{CERT}{CERT}"),
    ("{KEY}{CERT}", "{CERT}"), ("{CERT}{KEY}", "{CERT}"), ("{CERT}{KEY}{CERT}", "{CERT}{CERT}"),
    ("subject=/CN=x\n{CERT}secret\n{KEY}", "{CERT}"),
    // Without its end.
    ("{BEGIN}\nAAAA\n", "{BEGIN}\nAAAA\n"), ("{BEGIN}", "{BEGIN}"),
    ("{BEGIN}\nAAAA\n{KEY}", "{BEGIN}\nAAAA\n"),
    ("{BEGIN}\nAAAA\n{KEY}{CERT}", "{BEGIN}\nAAAA\n{CERT}"),
    ("{BEGIN}\nAAAA\nsecret:\nAAAA\n{END}\n", "{BEGIN}\nAAAA\n"),
    // Lines that are none to OpenSSL, but hold several to others.
    ("{BEGIN}\rAAAA\r{END}\r{KEY}", ""), ("{BEGIN}\nAAAA\r{END}\r{KEY}", "{BEGIN}\n"),
    ("{BEGIN}\nAAAA\n{END}\r{KEY}", "{BEGIN}\nAAAA\n"),
    ("{BEGIN} \r\nAAAA\r\n{END}\r\n{KEY}", "{BEGIN} \r\nAAAA\r\n{END}\r\n"),
    ("-----BEGIN X509 CERTIFICATE-----\n", "-----BEGIN X509 CERTIFICATE-----\n"),
    ("-----BEGIN TRUSTED CERTIFICATE-----\n", "-----BEGIN TRUSTED CERTIFICATE-----\n"),
    ("-----BEGIN CERTIFICATE REQUEST-----\nsecret\n", ""), ("{END}\nsecret\n", ""),
  ]

  @Test("of a file only the certificates are kept, whatever else is in it", arguments: files)
  func onlyCertificates(file: String, kept: String) throws {
    func text(_ template: String) -> String {
      let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
      let key = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"
      var text = template
      for (word, meaning) in [("CERT", "{BEGIN}\nAAAA\n{END}\n"), ("KEY", key)] {
        text = text.split(separator: "{\(word)}", omittingEmptySubsequences: false)
          .joined(separator: meaning)
      }
      for (word, meaning) in [("BEGIN", begin), ("END", end)] {
        text = text.split(separator: "{\(word)}", omittingEmptySubsequences: false)
          .joined(separator: meaning)
      }
      return text
    }
    let directory = try TestDirectory()
    defer { directory.remove() }
    try directory.write(text(file), to: "certificate")
    let found = try directory.withFile("certificate") { try Certificates.read($0) }
    #expect(String(decoding: found, as: UTF8.self) == text(kept))
    #expect(!String(decoding: found, as: UTF8.self).contains("secret"))
  }

  @Test("a file of certificates may be so large, and no larger")
  func certificatesLimit() throws {
    let directory = try TestDirectory()
    defer { directory.remove() }
    let good = try TestCertificate(.ec).pem
    let room = Certificates.sizeMax - good.count
    let text = String(decoding: good, as: UTF8.self)
    try directory.write(String(repeating: "\n", count: room) + text, to: "certificate")
    #expect(try directory.withFile("certificate") { try Certificates.read($0) } == good)
    try directory.write(String(repeating: "\n", count: room + 1) + text, to: "certificate")
    #expect(throws: TLSError("larger than \(Certificates.sizeMax) bytes")) {
      _ = try directory.withFile("certificate") { try Certificates.read($0) }
    }
  }
}
