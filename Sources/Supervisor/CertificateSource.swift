// SPDX-License-Identifier: ISC

package import Interprocess

/// Where certificates and private keys come from: files of the configuration. Reading them may be done
/// again at any time.
package struct CertificateSource: Sendable {
  /// Reads what is public, for the renewal of this number. What cannot be read is empty, and says why.
  package typealias Read = @Sendable (UInt32) -> CertificatePackage
  /// Opens the keys of a package. In the place of one that cannot be opened stands an empty one, and its
  /// entry says why.
  package typealias Keys =
    @Sendable (inout CertificatePackage) throws(CertificateFault) -> [CInt]

  /// Puts what is handed to a role into a file in memory; nil, with `errno`, when there is none to be had.
  package typealias Seal = @Sendable (_ content: [UInt8]) -> Descriptor?

  /// Everything public: of one configuration, so that the same entries are at the same places each time.
  package var read: Read
  /// The private keys' files, open, in the order of the chains. Whoever calls closes them; nobody but keys
  /// reads from them.
  package var openKeys: Keys
  /// The file that a role is handed.
  package var seal: Seal
  /// The file of the passphrases of encrypted keys, open for as long as the source is used; nil: there is none.
  /// It is handed to keys, and nobody but keys reads from it.
  package var passphrases: CInt?

  /// All are called in the supervisor, as root where it is root.
  package init(
    read: @escaping Read,
    openKeys: @escaping Keys,
    seal: @escaping Seal = { SealedFile.make(name: "certificates", $0) }
  ) {
    self.read = read
    self.openKeys = openKeys
    self.seal = seal
  }

  /// A configuration without certificates.
  package static let none = CertificateSource(
    read: { CertificatePackage(generation: $0) },
    openKeys: { _ in [] }
  )
}

/// Why certificates cannot be used, in the operator's words.
package struct CertificateFault: Error, Equatable, Sendable {
  /// Names the file.
  package let reason: String

  /// A fault with this reason.
  package init(_ reason: String) { self.reason = reason }
}
