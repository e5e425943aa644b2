// SPDX-License-Identifier: ISC

package import Interprocess

/// Where certificates and private keys come from: files of the configuration. Reading them may be done
/// again at any time.
package struct CertificateSource: Sendable {
  /// Told of a file that cannot be read or opened. Unless it throws an empty one stands in its place.
  package typealias Absence = (CertificateFault) throws(CertificateFault) -> Void
  /// Reads what is public, for the renewal of this number.
  package typealias Read =
    @Sendable (UInt32, Absence) throws(CertificateFault) ->
    CertificatePackage
  /// Opens the keys.
  package typealias Keys = @Sendable (Absence) throws(CertificateFault) -> [CInt]

  /// Everything public: of one configuration, so that the same entries are at the same places each time.
  package var read: Read
  /// The private keys' files, open, in the order of the chains. Whoever calls closes them; nobody but keys
  /// reads from them.
  package var openKeys: Keys

  /// Both are called in the supervisor, as root where it is root.
  package init(
    read: @escaping Read,
    openKeys: @escaping Keys
  ) {
    self.read = read
    self.openKeys = openKeys
  }

  /// A configuration without certificates.
  package static let none = CertificateSource(
    read: { number, _ in CertificatePackage(generation: number) },
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
