// SPDX-License-Identifier: ISC

package import Interprocess

/// Where certificates and private keys come from: files of the configuration. Reading them may be done
/// again at any time.
package struct CertificateSource: Sendable {
  /// Everything public, with the number of the renewal.
  package var read: @Sendable (UInt32) throws(CertificateFault) -> CertificatePackage
  /// The private keys' files, open, in the order of the chains. Whoever calls closes them; nobody but keys
  /// reads from them.
  package var openKeys: @Sendable () throws(CertificateFault) -> [CInt]

  /// Both are called in the supervisor, as root where it is root.
  package init(
    read: @escaping @Sendable (UInt32) throws(CertificateFault) -> CertificatePackage,
    openKeys: @escaping @Sendable () throws(CertificateFault) -> [CInt]
  ) {
    self.read = read
    self.openKeys = openKeys
  }

  /// A configuration without certificates.
  package static let none = CertificateSource(
    read: { CertificatePackage(generation: $0) },
    openKeys: { [] }
  )
}

/// Why certificates cannot be used, in the operator's words.
package struct CertificateFault: Error, Equatable, Sendable {
  /// Names the file.
  package let reason: String

  /// A fault with this reason.
  package init(_ reason: String) { self.reason = reason }
}
