// SPDX-License-Identifier: ISC

package import Interprocess

/// Where certificates and private keys come from: files of the configuration. Reading them may be done
/// again at any time.
package struct CertificateSource: Sendable {
  /// Everything public, with the number of the renewal.
  package var read: @Sendable (UInt32) throws(CertificateFault) -> CertificatePackage
  /// Told of a key's file that cannot be opened. Unless it throws an empty file stands in its place.
  package typealias Absence = (CertificateFault) throws(CertificateFault) -> Void
  /// Opens them.
  package typealias Keys = @Sendable (Absence) throws(CertificateFault) -> [CInt]

  /// The private keys' files, open, in the order of the chains. Whoever calls closes them; nobody but keys
  /// reads from them.
  package var openKeys: Keys

  /// Both are called in the supervisor, as root where it is root.
  package init(
    read: @escaping @Sendable (UInt32) throws(CertificateFault) -> CertificatePackage,
    openKeys: @escaping Keys
  ) {
    self.read = read
    self.openKeys = openKeys
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
