// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
package import Interprocess

/// The certificates that the roles have, and a renewal that keys is looking at.
///
/// A renewal goes to keys first. Only when it takes it do frontend and delivery get it: nobody shows a
/// certificate that nobody can sign for while there was one before it.
package struct CertificateDesk {
  /// Who is handed certificates.
  package static let roles: Set<Role> = [.keys, .frontend, .delivery]

  private let source: CertificateSource
  private var current: CertificatePackage
  private var renewal: CertificatePackage?
  private var generation: UInt32 = 1

  /// Reads the files for the first time.
  package init(_ source: CertificateSource) throws(CertificateFault) {
    self.source = source
    current = try source.read(1)
  }

  /// What became of a renewal.
  enum Verdict: Equatable {
    /// Frontend and delivery are to get it. What is wrong with a part of it; empty: nothing.
    case accepted(but: String)
    case refused(String)
    /// Keys, started anew, has what everybody has.
    case unchanged
  }

  /// Reads the files again.
  mutating func renew() throws(CertificateFault) {
    generation += 1
    renewal = try source.read(generation)
  }

  /// Keys looked at a generation.
  mutating func checked(_ number: UInt32, _ verdict: KeysVerdict, fault: String) -> Verdict {
    if let renewal, renewal.generation == number {
      self.renewal = nil
      guard verdict == .taken else { return .refused(fault) }
      current = renewal
      return .accepted(but: fault)
    }
    return fault.isEmpty ? .unchanged : .refused(fault)
  }

  /// Which certificates are handed over.
  package enum Version {
    case current
    case renewal
  }

  /// Calls `send` with each message for `role`; its descriptors are closed afterwards.
  package func hand(
    _ version: Version,
    to role: Role,
    absent: CertificateSource.Absence = { (fault) throws(CertificateFault) in throw fault },
    _ send: (SupervisorToRole, [CInt]) -> Void
  ) throws(CertificateFault) {
    let package = version == .current ? current : renewal ?? current
    let keys = role == .keys ? try source.openKeys(absent) : []
    defer { for key in keys { close(key) } }
    guard let file = SealedFile.make(name: "certificates", package.encoded()) else {
      throw CertificateFault("no file in memory: \(systemError())")
    }
    send(.certificates, [file.borrow()])
    var rest = keys[...]
    while !rest.isEmpty {
      let part = rest.prefix(Int(TALARIA_DESCRIPTORS_MAX))
      rest = rest.dropFirst(part.count)
      send(.keyFiles, Array(part))
    }
  }
}
