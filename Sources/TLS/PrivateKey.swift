// SPDX-License-Identifier: ISC

internal import COpenSSL

/// A private key, in the one process that has it. Signing may be asked for on many threads at a time.
@safe package final class PrivateKey: @unchecked Sendable {
  package let name: KeyName
  // Freed in deinit; C only reads it, from any thread.
  private let pointer: OpaquePointer

  /// Reads it from an open file in PEM, from the file's beginning; nil when it is encrypted, and not by this
  /// passphrase. The descriptor stays open.
  ///
  /// - Throws: why there is none whatever the passphrase: not PEM, a kind that is not used, too many rounds.
  package init?(descriptor: CInt, passphrase: Passphrase? = nil) throws(TLSError) {
    var reason = talaria_reason()
    var isLocked: CInt = 0
    // What is written to is written during the call only, and the passphrase is read then.
    let read = { (bytes: UnsafeRawBufferPointer?) -> OpaquePointer? in
      let start = unsafe bytes?.baseAddress?.assumingMemoryBound(to: UInt8.self)
      return unsafe talaria_key_read(descriptor, start, bytes?.count ?? 0, &isLocked, &reason)
    }
    let found = unsafe passphrase.map { unsafe $0.withBytes(read) } ?? read(nil)
    guard isLocked == 0 else { return nil }
    guard let pointer = unsafe found else { throw TLSError(reason) }
    unsafe self.pointer = pointer
    name = unsafe KeyName(of: pointer)
  }

  deinit { unsafe talaria_key_free(pointer) }

  /// The signature; nil when the request does not fit the key.
  package func sign(_ request: SigningRequest) -> [UInt8]? {
    guard request.key == name else { return nil }
    var signature = [UInt8](repeating: 0, count: SigningRequest.signatureMax)
    // Both arrays have the lengths that are given, and are used during the call only.
    let length = unsafe talaria_key_sign(
      pointer,
      CInt(request.algorithm.rawValue),
      request.input,
      request.input.count,
      &signature,
      signature.count
    )
    return length > 0 ? Array(signature[..<length]) : nil
  }
}
