// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail

/// Certificates and keys on their way to the roles.
extension RoleTable {
  /// How often it is looked whether what is lacking has come, and tried again what failed, in milliseconds.
  private static let lookInterval: Int64 = 5000

  /// Before listeners and edges, so that a role has its certificates and keys when it is first asked.
  ///
  /// Keys, started anew, opens files that may be others than when its certificates were read: both are read
  /// again, as by SIGHUP, and what cannot be used costs its own `pki`.
  mutating func handFirstCertificates(to role: Role, _ start: Start) {
    guard CertificateDesk.roles.contains(role) else { return }
    guard role == .keys, start == .again else { return handCertificates(to: role) }
    guard var desk = certificates else { return }
    defer { certificates = desk }
    do throws(CertificateFault) {
      try desk.renewForNewKeys { send($0, descriptors: $1, to: role) }
    } catch {
      notHanded(to: role, error)
    }
  }

  /// Keys is to look at the files as they are now; the others get them when they are good.
  mutating func updateCertificates() {
    guard var desk = certificates else { return }
    defer { certificates = desk }
    do throws(CertificateFault) {
      try desk.renew { send($0, descriptors: $1, to: .keys) }
    } catch {
      say("warn: certificates are not updated: \(error.reason)")
    }
  }

  /// The same for one `pki`, by the token of keys that asks.
  mutating func updateCertificates(of name: String, token: UInt64) {
    guard var desk = certificates else { return }
    defer { certificates = desk }
    do throws(CertificateFault) {
      try desk.renew(only: name, token: token) { send($0, descriptors: $1, to: .keys) }
    } catch {
      say("warn: certificates are not updated: \(error.reason)")
      send(.certificatesUnreadable(token: token, reason: error.reason), to: .keys)
    }
  }

  /// Keys looked at files.
  mutating func certificatesChecked(_ report: KeysReport) {
    let verdict = certificates?.checked(report)
    nextLook = nil
    defer { expectLook() }
    switch verdict {
    case .accepted(but: let faults):
      for role in [Role.frontend, .delivery] { handCertificates(to: role) }
      if faults.isEmpty { say("info: certificates updated") }
      for fault in faults { say("warn: certificates updated but for \(fault)") }
    case .refused(let faults):
      for fault in faults { say("warn: certificates are not updated: \(fault)") }
    case .unchanged, nil: return
    }
    guard certificates?.isLacking == true else { return }
    say(
      "warn: what is named keeps the certificate that it had, and TLS with it fails when that one's key is "
        + "gone: put a certificate and the key that fits it into the files; they are looked at every "
        + "\(RoleTable.lookInterval / 1000) s"
    )
  }

  /// What counts now, for a role that shows it, or for the first keys role.
  private mutating func handCertificates(to role: Role) {
    guard var desk = certificates else { return }
    defer { certificates = desk }
    do throws(CertificateFault) {
      try desk.provide(role) { send($0, descriptors: $1, to: role) }
    } catch {
      notHanded(to: role, error)
    }
  }

  private mutating func notHanded(to role: Role, _ fault: CertificateFault) {
    say("warn: \(role.rawValue) is not handed certificates, which is tried again: \(fault.reason)")
    nextLook = Clock.rising() + RoleTable.lookInterval
  }

  /// Sees to it that there is a look where one is needed.
  private mutating func expectLook() {
    guard certificates?.hasToLook == true, nextLook == nil else { return }
    nextLook = Clock.rising() + RoleTable.lookInterval
  }

  /// Looks whether what is lacking has come, and hands over what could not be.
  mutating func lookForCertificates(dueAt now: Int64) {
    guard let due = nextLook, due <= now, var desk = certificates else { return }
    nextLook = nil
    do throws(CertificateFault) {
      try desk.look { send($0, descriptors: $1, to: .keys) }
    } catch {
      say("warn: certificates cannot be looked for: \(error.reason)")
    }
    certificates = desk
    for role in desk.owed where role != .keys { handCertificates(to: role) }
    expectLook()
  }
}
