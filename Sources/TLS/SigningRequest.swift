// SPDX-License-Identifier: ISC

internal import COpenSSL

/// What a handshake wants signed: a digest, or with Ed25519 a short message. There is no form for a block
/// that is padded already.
package struct SigningRequest: Hashable, Sendable {
  /// What may be asked of a private key. The numbers are those of the edge.
  package enum Algorithm: UInt8, CaseIterable, Sendable {
    case rsaPKCS1SHA256 = 1
    case rsaPKCS1SHA384 = 2
    case rsaPKCS1SHA512 = 3
    case rsaPSSSHA256 = 4
    case rsaPSSSHA384 = 5
    case rsaPSSSHA512 = 6
    case ecdsaSHA256 = 7
    case ecdsaSHA384 = 8
    case ecdsaSHA512 = 9
    case ed25519 = 10
  }

  /// Of `input`, in bytes.
  package static let inputMax = Int(TALARIA_SIGN_INPUT_MAX)
  /// Of a signature, in bytes.
  package static let signatureMax = Int(TALARIA_SIGNATURE_MAX)

  /// Whose signature is wanted.
  package let key: KeyName
  /// How it is made.
  package let algorithm: Algorithm
  /// The digest or the message.
  package let input: [UInt8]

  /// A request for a signature with the key of that name.
  package init(key: KeyName, algorithm: Algorithm, input: [UInt8]) {
    self.key = key
    self.algorithm = algorithm
    self.input = input
  }
}
