// SPDX-License-Identifier: ISC

internal import Configuration
internal import Sandbox
internal import Supervisor
internal import TLS

extension TLSJudge {
  /// Judges by the TLS library and the files of this host.
  ///
  /// - Parameters:
  ///   - uid: whose files are good besides those of root.
  ///   - sandbox: how the promises of who looks at keys are held.
  static func host(uid: UInt32, _ sandbox: Confinement.Mode) -> TLSJudge {
    TLSJudge(setting: TLSJudge.fault) { pkis, authorities, _ in
      let open = CertificateFiles(of: pkis, authorities, uid: uid).faults
      let bad = Set(open.map(\.file))
      return open
        + TLSJudge.contentFaults(
          pkis.filter { !bad.contains(.certificate($0.name)) && !bad.contains(.key($0.name)) },
          authorities.filter { !bad.contains(.authority($0.name)) }
        ) { pkis, authorities in
          let files = CertificateFiles(of: pkis, authorities, uid: uid)
          return files.isEmpty ? nil : KeysCheck.fault(in: files.source, sandbox)
        }
    }
  }

  private static func fault(of setting: Setting) -> String? {
    do throws(TLSError) {
      switch setting {
      case .protocols(let text): _ = try TLSProtocols(parsing: text)
      case .ciphers(let text, let side):
        var options = TLSContext.Options(side == .server ? .server : .client)
        options.ciphers = text
        _ = try TLSContext(options)
      }
      return nil
    } catch {
      return error.reason
    }
  }

  /// What is in files that could be opened. All are looked at together; one by one only when that finds a
  /// fault, which is the first.
  private static func contentFaults(
    _ pkis: [PKI],
    _ authorities: [CertificateAuthority],
    look: ([PKI], [CertificateAuthority]) -> KeysCheck.Fault?
  ) -> [FileFault] {
    guard let joint = look(pkis, authorities) else { return [] }
    let ofPKIs = pkis.compactMap { pki in
      look([pki], []).map { fault in
        FileFault(
          fault.part == .certificate ? .certificate(pki.name) : .key(pki.name),
          reason: fault.reason
        )
      }
    }
    let ofAuthorities = authorities.compactMap { authority in
      look([], [authority]).map { FileFault(.authority(authority.name), reason: $0.reason) }
    }
    let found = ofPKIs + ofAuthorities
    guard found.isEmpty else { return found }
    // Each is good, and all of them together are not: too many, say.
    let first: File? =
      pkis.first.map { .certificate($0.name) } ?? authorities.first.map { .authority($0.name) }
    return first.map { [FileFault($0, reason: joint.reason)] } ?? []
  }
}
