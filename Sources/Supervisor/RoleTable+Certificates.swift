// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail

/// Certificates and keys on their way to the roles.
extension RoleTable {
  /// How often it is looked whether what is lacking has come, in milliseconds.
  private static let lookInterval: Int64 = 5000

  /// Before listeners and edges, so that a role has its certificates and keys when it is first asked.
  ///
  /// Keys, started anew, opens files that may be others than when its certificates were read: both are read
  /// again, as by SIGHUP, and what cannot be used costs its own `pki`.
  mutating func handFirstCertificates(to role: Role, _ start: Start) {
    guard var desk = certificates, CertificateDesk.roles.contains(role) else { return }
    defer { certificates = desk }
    do throws(CertificateFault) {
      if role == .keys, start == .again {
        try desk.renewForNewKeys { send($0, descriptors: $1, to: role) }
      } else {
        try desk.hand(to: role) { send($0, descriptors: $1, to: role) }
      }
    } catch {
      say("warn: \(error.reason)")
    }
  }

  /// Keys is to look at the files as they are now; the others get them when they are good.
  ///
  /// - Parameter name: of the one `pki` that is to be renewed; empty: all.
  mutating func updateCertificates(only name: String = "") {
    guard var desk = certificates else { return }
    defer { certificates = desk }
    do throws(CertificateFault) {
      if name.isEmpty {
        try desk.renew { send($0, descriptors: $1, to: .keys) }
      } else {
        try desk.renew(only: name) { send($0, descriptors: $1, to: .keys) }
      }
    } catch {
      say("warn: certificates are not updated: \(error.reason)")
      send(.certificatesUnreadable(reason: error.reason), to: .keys)
    }
  }

  /// Keys looked at files.
  mutating func certificatesChecked(_ report: KeysReport) {
    let verdict = certificates?.checked(report)
    let isLacking = certificates?.isLacking == true
    nextLook = isLacking ? Clock.rising() + RoleTable.lookInterval : nil
    switch verdict {
    case .accepted(but: let faults):
      for role in [Role.frontend, .delivery] { handCertificates(to: role) }
      if faults.isEmpty { say("info: certificates updated") }
      for fault in faults { say("warn: certificates updated but for \(fault)") }
    case .refused(let faults):
      for fault in faults { say("warn: certificates are not updated: \(fault)") }
    case .unchanged, nil: return
    }
    guard isLacking else { return }
    say(
      "warn: what is named keeps the certificate that it had, and TLS with it fails when that one's key is "
        + "gone: put a certificate and the key that fits it into the files; they are looked at every "
        + "\(RoleTable.lookInterval / 1000) s"
    )
  }

  /// What counts now, for a role that shows it.
  private func handCertificates(to role: Role) {
    do throws(CertificateFault) {
      try certificates?.hand(to: role) { send($0, descriptors: $1, to: role) }
    } catch {
      say("warn: \(role.rawValue) has old certificates: \(error.reason)")
    }
  }

  /// Looks whether what is lacking has come.
  mutating func lookForCertificates(dueAt now: Int64) {
    guard let due = nextLook, due <= now, var desk = certificates else { return }
    defer { certificates = desk }
    nextLook = now + RoleTable.lookInterval
    do throws(CertificateFault) {
      try desk.look { send($0, descriptors: $1, to: .keys) }
    } catch {
      say("warn: certificates cannot be looked for: \(error.reason)")
    }
  }
}
