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
    /// Looks of which the last is made though no file has changed.
    static let idleLooks = 12
  }

  /// Takes one message to a role; the descriptors are closed afterwards.
  package typealias Send = (SupervisorToRole, [CInt]) -> Void

  /// Who wants a renewal.
  private enum Occasion: Equatable {
    case asked
    /// Keys asked by this token; it is about the chain at the place alone.
    case askedOfOne(Int, token: UInt64)
    /// Keys was started anew, and this is the first that it is handed.
    case newKeys
    /// The desk itself, which looks whether what is lacking has come.
    case look
  }

  private struct Renewal {
    let package: CertificatePackage
    let occasion: Occasion
  }

  private let source: CertificateSource
  private var current: CertificatePackage
  /// Those that keys was handed and has not told of, by their generations: it tells of each, in order.
  private var renewals: [UInt32: Renewal] = [:]
  private var generation: UInt32 = 1
  /// What was broken when keys was handed it for the first time, by its places: a key may be lost. It is
  /// looked for until it is whole.
  private var lacking: Set<UInt16> = []
  /// What the files were like at the last look of these keys; nil: there was none.
  private var lookedAt: [CertificateSource.FileFacts]?
  /// Looks since then that found those files unchanged.
  private var idleLooks = 0
  /// Roles that were to be handed what counts, for which there was no file or no memory. It is tried again.
  private(set) var owed: Set<Role> = []

  /// Something is lacking.
  package var isLacking: Bool { !lacking.isEmpty }
  /// There is something to `look` for, or to be handed over again.
  package var hasToLook: Bool { isLacking || !owed.isEmpty }

  /// Reads the files for the first time; one that cannot be read refuses all.
  package init(_ source: CertificateSource) throws(CertificateFault) {
    self.source = source
    current = source.read(1)
    for entry in current.chains + current.anchors where !entry.fault.isEmpty {
      throw CertificateFault(entry.fault)
    }
  }

  /// Hands `role` what counts now, to keys with the files of the private keys as they are now.
  package func hand(to role: Role, _ send: Send) throws(CertificateFault) {
    try hand(current, to: role, .certificates, send)
  }

  /// The same to a role that shows certificates, or to the first keys role. It is `owed` when that fails.
  mutating func provide(_ role: Role, _ send: Send) throws(CertificateFault) {
    owed.insert(role)
    try hand(to: role, send)
    owed.remove(role)
  }

  /// Reads the files again and hands them to keys, which tells what cannot be used.
  mutating func renew(_ send: Send) throws(CertificateFault) {
    try expectRoom()
    try renew(owed.contains(.keys) ? .newKeys : .asked, send)
  }

  /// The same for one `pki`, by the token of keys that asks: what is wrong with others is of no account, and
  /// they stay what they were.
  mutating func renew(
    only name: String,
    token: UInt64,
    _ send: Send
  ) throws(CertificateFault) {
    guard let place = current.chains.firstIndex(where: { $0.name == name }) else {
      throw CertificateFault("there is no pki \(name)")
    }
    try expectRoom()
    try renew(.askedOfOne(place, token: token), send)
  }

  /// The same for a keys role that was started anew, and tells of nothing that the one before it was handed.
  /// It is to have whatever can be used.
  mutating func renewForNewKeys(_ send: Send) throws(CertificateFault) {
    renewals.removeAll()
    lookedAt = nil
    owed.insert(.keys)
    try renew(.newKeys, send)
  }

  /// The same to see whether what is lacking has come, unless a renewal is under way; or to hand over what
  /// could not be when keys was started. Nothing is told of a look that finds nothing. At files that are what they
  /// were at the one before every twelfth look is made, for a disk may have failed for a while: for keys it is
  /// work, to decrypt each key that is encrypted.
  mutating func look(_ send: Send) throws(CertificateFault) {
    if owed.contains(.keys) { return try renew(.newKeys, send) }
    guard isLacking, renewals.isEmpty else { return }
    // Before they are read: what changes meanwhile is found by the next look.
    let files = source.files()
    idleLooks += 1
    guard files != lookedAt || idleLooks >= Limits.idleLooks else { return }
    try renew(.look, send)
    idleLooks = 0
    lookedAt = files
  }

  private func expectRoom() throws(CertificateFault) {
    guard renewals.count >= Limits.renewals else { return }
    throw CertificateFault("keys has not looked at \(renewals.count) renewals before this one")
  }

  private mutating func renew(_ occasion: Occasion, _ send: Send) throws(CertificateFault) {
    generation += 1
    let renewal = source.read(generation)
    var message = SupervisorToRole.certificates
    if case .askedOfOne(let place, let token) = occasion {
      message = .certificatesOfOne(place: UInt16(place), token: token)
    }
    try hand(renewal, to: .keys, message, send)
    if occasion == .newKeys { owed.remove(.keys) }
    renewals[generation] = Renewal(package: renewal, occasion: occasion)
  }

  /// What became of a renewal.
  enum Verdict: Equatable {
    /// Frontend and delivery are to get it. What is wrong with a part of it, a line each.
    case accepted(but: [String])
    case refused([String])
    /// Keys has what everybody has.
    case unchanged
  }

  /// Keys looked at a generation.
  mutating func checked(_ report: KeysReport) -> Verdict {
    guard let renewal = renewals[report.generation] else {
      // The first one after the files were read for the first time: they may be others by now.
      if report.generation == current.generation { lacking = Set(report.broken) }
      return report.faults.isEmpty ? .unchanged : .refused(report.lines)
    }
    renewals = renewals.filter { $0.key > report.generation }
    guard report.verdict == .taken else {
      // It has no key at all.
      if renewal.occasion == .newKeys { lacking = Set(report.broken) }
      return renewal.occasion == .look ? .unchanged : .refused(report.lines)
    }
    var kept = report.broken
    switch renewal.occasion {
    case .askedOfOne(let place, _):
      let places = current.chains.count + current.anchors.count
      kept = (0..<places).filter { $0 != place }.map(UInt16.init)
      lacking.remove(UInt16(place))
    case .newKeys: lacking = Set(report.broken)
    case .asked, .look: lacking.formIntersection(report.broken)
    }
    current = renewal.package.keeping(kept, of: current)
    return .accepted(but: report.lines)
  }

  private func hand(
    _ package: CertificatePackage,
    to role: Role,
    _ message: SupervisorToRole,
    _ send: Send
  ) throws(CertificateFault) {
    var package = package
    let keys = role == .keys ? try source.openKeys(&package) : []
    defer { for key in keys { close(key) } }
    guard let file = source.seal(package.encoded()) else {
      throw CertificateFault("no file in memory: \(systemError())")
    }
    let passphrases = role == .keys ? source.passphrases.map { [$0] } ?? [] : []
    send(message, [file.borrow()] + passphrases)
    var rest = keys[...]
    while !rest.isEmpty {
      let part = rest.prefix(Int(TALARIA_DESCRIPTORS_MAX))
      rest = rest.dropFirst(part.count)
      send(.keyFiles, Array(part))
    }
  }
}
