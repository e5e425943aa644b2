// SPDX-License-Identifier: ISC

internal import COpenSSL

/// The name of a private key: SHA-256 over its public half (SubjectPublicKeyInfo).
package struct KeyName: Hashable, Sendable {
  /// The length of a name, in bytes.
  package static let length = Int(TALARIA_KEY_NAME_SIZE)

  /// `length` bytes.
  package let bytes: [UInt8]

  /// Nil when there are not `length` bytes.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == KeyName.length else { return nil }
    self.bytes = bytes
  }

  private init(checked bytes: [UInt8]) { self.bytes = bytes }

  /// The name of the key that a certificate is for: the first one of a chain in PEM.
  package init(ofCertificate pem: [UInt8]) throws(TLSError) {
    var name = [UInt8](repeating: 0, count: KeyName.length)
    var reason = talaria_reason()
    // Both arrays are used during the call only; the name has the length that C writes.
    let result = unsafe talaria_certificate_key_name(pem, pem.count, &name, &reason)
    guard result == 0 else { throw TLSError(reason) }
    bytes = name
  }

  init(of key: OpaquePointer) {
    var name = [UInt8](repeating: 0, count: KeyName.length)
    // The name has the length that C writes.
    unsafe talaria_key_name(key, &name)
    self.init(checked: name)
  }
}

/// Certificates in PEM, as a file has them.
package enum Certificates {
  /// The largest file, in bytes.
  package static let sizeMax = Int(TALARIA_CERTIFICATES_MAX)

  /// The certificates in an open file, from its beginning, good or not. Nothing else of the file is kept: a
  /// private key beside them is overwritten. The descriptor stays open.
  package static func read(_ descriptor: CInt) throws(TLSError) -> [UInt8] {
    var reason = talaria_reason()
    // C writes as many bytes as there is room for at most, and says how many.
    let found = unsafe [UInt8](unsafeUninitializedCapacity: sizeMax) { buffer, count in
      count = unsafe max(0, talaria_certificates_read(descriptor, buffer.baseAddress, &reason))
    }
    let failure = TLSError(reason)
    guard failure.reason.isEmpty else { throw failure }
    // Without the room that was left.
    var certificates: [UInt8] = []
    certificates.reserveCapacity(found.count)
    certificates += found
    return certificates
  }

  /// How many there are. Throws when there is none, or one that is broken.
  package static func count(in pem: [UInt8]) throws(TLSError) -> Int {
    var reason = talaria_reason()
    // The array is read during the call only.
    let count = unsafe talaria_certificate_count(pem, pem.count, &reason)
    guard count > 0 else { throw TLSError(reason) }
    return Int(count)
  }
}
