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

  /// What the files are like now, public ones and keys, in the same order each time; nobody reads them.
  package typealias Files = @Sendable () -> [FileFacts]

  /// Puts what is handed to a role into a file in memory; nil, with `errno`, when there is none to be had.
  package typealias Seal = @Sendable (_ content: [UInt8]) -> Descriptor?

  /// Everything public: of one configuration, so that the same entries are at the same places each time.
  package var read: Read
  /// The private keys' files, open, in the order of the chains. Whoever calls closes them; nobody but keys
  /// reads from them.
  package var openKeys: Keys
  /// By which is seen whether any of them is another one than before.
  package var files: Files
  /// The file that a role is handed.
  package var seal: Seal
  /// The file of the passphrases of encrypted keys, open for as long as the source is used; nil: there is none.
  /// It is handed to keys, and nobody but keys reads from it.
  package var passphrases: CInt?

  /// All are called in the supervisor, as root where it is root.
  package init(
    read: @escaping Read,
    openKeys: @escaping Keys,
    files: @escaping Files,
    seal: @escaping Seal = { SealedFile.make(name: "certificates", $0) }
  ) {
    self.read = read
    self.openKeys = openKeys
    self.files = files
    self.seal = seal
  }

  /// A configuration without certificates.
  package static let none = CertificateSource(
    read: { CertificatePackage(generation: $0) },
    openKeys: { _ in [] },
    files: { [] }
  )

  /// What tells one state of a file from another.
  package struct FileFacts: Hashable, Sendable {
    /// Of its file system; 0 when there is no file.
    package var device: UInt64 = 0
    /// Which file of that it is.
    package var inode: UInt64 = 0
    /// When its bytes changed last, in nanoseconds.
    package var modified: Int64 = 0
    /// When those, its owner or its mode did.
    package var changed: Int64 = 0
    /// In bytes.
    package var size: Int64 = 0

    /// Of no file.
    package init() {}
  }
}

/// Why certificates cannot be used, in the operator's words.
package struct CertificateFault: Error, Equatable, Sendable {
  /// Names the file.
  package let reason: String

  /// A fault with this reason.
  package init(_ reason: String) { self.reason = reason }
}
