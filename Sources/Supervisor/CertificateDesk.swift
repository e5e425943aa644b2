// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
package import Interprocess

/// The certificates that the roles have, and renewals that keys is looking at.
///
/// A renewal goes to keys first. Only when it takes it do frontend and delivery get it: nobody shows a
/// certificate that nobody can sign for while there was one before it. What is broken of a renewal that
/// keys takes in part stays what it was.
package struct CertificateDesk {
  /// Who is handed certificates.
  package static let roles: Set<Role> = [.keys, .frontend, .delivery]

  /// What bounds the desk.
  package enum Limits {
    /// Renewals that keys has not looked at.
    package static let renewals = 16
  }

  /// Takes one message to a role; the descriptors are closed afterwards.
  package typealias Send = (SupervisorToRole, [CInt]) -> Void

  private let source: CertificateSource
  private var current: CertificatePackage
  /// Those that keys was handed and has not told of, by their generations: it tells of each, in order.
  private var renewals: [UInt32: CertificatePackage] = [:]
  private var generation: UInt32 = 1

  /// Reads the files for the first time.
  package init(_ source: CertificateSource) throws(CertificateFault) {
    self.source = source
    current = try source.read(1, CertificateDesk.refuse)
  }

  /// A file that is absent refuses all.
  package static func refuse(_ fault: CertificateFault) throws(CertificateFault) { throw fault }

  /// Hands `role` what counts now, to keys with the files of the private keys as they are now.
  package func hand(
    to role: Role,
    _ absent: CertificateSource.Absence = CertificateDesk.refuse,
    _ send: Send
  ) throws(CertificateFault) {
    try hand(current, to: role, absent, send)
  }

  /// Reads the files again and hands them to keys. When one cannot be read nothing is handed over.
  mutating func renew(_ send: Send) throws(CertificateFault) {
    guard renewals.count < Limits.renewals else {
      throw CertificateFault("keys has not looked at \(renewals.count) renewals before this one")
    }
    try renew(CertificateDesk.refuse, send)
  }

  /// The same for a keys role that was started anew, and tells of nothing that the one before it was handed.
  /// It is to have whatever can be used.
  mutating func renewForNewKeys(
    _ absent: CertificateSource.Absence,
    _ send: Send
  ) throws(CertificateFault) {
    renewals.removeAll()
    try renew(absent, send)
  }

  private mutating func renew(
    _ absent: CertificateSource.Absence,
    _ send: Send
  ) throws(CertificateFault) {
    generation += 1
    let renewal = try source.read(generation, absent)
    try hand(renewal, to: .keys, absent, send)
    renewals[generation] = renewal
  }

  /// What became of a renewal.
  enum Verdict: Equatable {
    /// Frontend and delivery are to get it. What is wrong with a part of it; empty: nothing.
    case accepted(but: String)
    case refused(String)
    /// Keys has what everybody has.
    case unchanged
  }

  /// Keys looked at a generation.
  mutating func checked(_ report: KeysReport) -> Verdict {
    guard let renewal = renewals[report.generation] else {
      return report.fault.isEmpty ? .unchanged : .refused(report.fault)
    }
    renewals = renewals.filter { $0.key > report.generation }
    guard report.verdict == .taken else { return .refused(report.fault) }
    current = renewal.keeping(report.broken, of: current)
    return .accepted(but: report.fault)
  }

  private func hand(
    _ package: CertificatePackage,
    to role: Role,
    _ absent: CertificateSource.Absence,
    _ send: Send
  ) throws(CertificateFault) {
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
