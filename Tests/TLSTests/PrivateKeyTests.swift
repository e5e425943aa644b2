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
          _ = try PrivateKey(descriptor: descriptor)
          return "none"
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
    #expect(try reason().contains("encrypted"))
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
}
