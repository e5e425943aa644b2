// SPDX-License-Identifier: ISC

import Glibc
import Testing

@testable import TLS

/// A certificate with its key, made by the openssl command and gone with the test.
struct TestCertificate {
  enum Kind: String, CaseIterable {
    case rsa = "rsa:2048"
    case ec = "ec:P-256"
    case ed25519 = "ed25519"
  }

  static let name = "mail.example.org"

  let pem: [UInt8]
  let key: PrivateKey

  /// Self-signed, for `name`.
  init(_ kind: Kind = .ec) throws {
    let directory = try TestDirectory()
    defer { directory.remove() }
    try directory.openssl(
      ["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=\(TestCertificate.name)"]
        + ["-addext", "subjectAltName=DNS:\(TestCertificate.name)"]
        + TestCertificate.newKey(kind) + ["-keyout", "key", "-out", "certificate"]
    )
    pem = try directory.read("certificate")
    let key = try directory.withFile("key") { descriptor in try PrivateKey(descriptor: descriptor) }
    self.key = try #require(key)
  }

  static func newKey(_ kind: Kind) -> [String] {
    switch kind {
    case .rsa: ["-newkey", "rsa:2048"]
    case .ec: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    case .ed25519: ["-newkey", "ed25519"]
    }
  }
}

/// A directory of a test's own.
struct TestDirectory {
  struct Failure: Error { let text: String }

  let path: String

  init() throws {
    var template = Array("/tmp/talaria-tls.XXXXXX".utf8CString)
    // The template is changed in place, within its length.
    guard let made = unsafe mkdtemp(&template) else { throw Failure(text: "mkdtemp") }
    path = unsafe String(cString: made)
  }

  func remove() {
    // Paths are read during the calls only.
    for name in ["key", "certificate"] { _ = unsafe unlink("\(path)/\(name)") }
    _ = unsafe rmdir(path)
  }

  /// Runs the command in the directory, quietly.
  func openssl(_ arguments: [String]) throws {
    let words = (["openssl"] + arguments).map { "'\($0)'" }.joined(separator: " ")
    // The text is read during the call only.
    let status = unsafe system("cd '\(path)' && \(words) >/dev/null 2>&1 </dev/null")
    guard status == 0 else { throw Failure(text: "\(words): \(status)") }
  }

  func write(_ text: String, to name: String) throws {
    try withFile(name, O_WRONLY | O_CREAT | O_TRUNC) { descriptor in
      let bytes = Array(text.utf8)
      // The array is read during the call only.
      guard unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
        throw Failure(text: "write")
      }
    }
  }

  func read(_ name: String) throws -> [UInt8] {
    try withFile(name) { descriptor in
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      // The array has the length given.
      let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
      guard count > 0 else { throw Failure(text: "read \(name)") }
      return Array(bytes[..<count])
    }
  }

  func withFile<Result>(
    _ name: String,
    _ flags: CInt = O_RDONLY,
    _ body: (CInt) throws -> Result
  ) throws -> Result {
    // The path is read during the call only.
    let descriptor = unsafe open("\(path)/\(name)", flags, 0o600)
    guard descriptor >= 0 else { throw Failure(text: "open \(name)") }
    defer { close(descriptor) }
    return try body(descriptor)
  }
}
