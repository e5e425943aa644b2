// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Supervisor
internal import TLS

extension TLSJudge {
  /// Judges by the TLS library and the files of this host.
  ///
  /// - Parameters:
  ///   - uid: whose files are good besides those of root.
  ///   - check: looks at keys, and asks for the passphrases of those that are encrypted.
  static func host(uid: UInt32, _ check: KeysCheck) -> TLSJudge {
    TLSJudge(setting: TLSJudge.fault) { pkis, authorities, rest in
      let open = CertificateFiles(of: pkis, authorities, uid: uid).faults
      let bad = Set(open.map(\.file))
      let contents = Contents(
        pkis: pkis.filter { !bad.contains(.certificate($0.name)) && !bad.contains(.key($0.name)) },
        authorities: authorities.filter { !bad.contains(.authority($0.name)) },
        uid: uid,
        check: check
      )
      // Nobody is asked for what a server that does not start has no use for.
      return open + contents.faults(rest == .good && open.isEmpty ? .asked : .overlooked)
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

  /// What is in files that could be opened.
  private struct Contents {
    let pkis: [PKI]
    let authorities: [CertificateAuthority]
    let uid: UInt32
    let check: KeysCheck

    /// All are looked at together; one by one only when what was found has no names, or no room in one report.
    func faults(_ unknown: KeysCheck.Unknown) -> [FileFault] {
      guard !pkis.isEmpty || !authorities.isEmpty else { return [] }
      do throws(CertificateFault) {
        let report = try look(pkis, authorities, unknown)
        guard report.omitted > 0 else { return named(report) }
        // Whoever was asked has answered; nobody is asked where all else is not well.
        guard unknown == .asked else { return oneByOne("there is too much wrong", unknown) }
        let isAnswered = check.passphrases.isSealed
        return oneByOne("there is too much wrong", isAnswered ? .refused : .overlooked)
      } catch {
        // Perhaps he has not.
        return oneByOne(error.reason, .overlooked)
      }
    }

    private func look(
      _ pkis: [PKI],
      _ authorities: [CertificateAuthority],
      _ unknown: KeysCheck.Unknown
    ) throws(CertificateFault) -> KeysReport {
      try check.report(on: CertificateFiles(of: pkis, authorities, uid: uid).source, unknown)
    }

    /// The first fault of each.
    private func named(_ report: KeysReport) -> [FileFault] {
      func first(_ file: File) -> String? {
        report.faults.first { $0.name == file.description }?.reason
      }
      return pkis.compactMap { pki in
        first(.key(pki.name)).map { FileFault(half(of: pki, by: $0), reason: $0) }
      }
        + authorities.compactMap { authority in
          first(.authority(authority.name)).map {
            FileFault(.authority(authority.name), reason: $0)
          }
        }
    }

    private func half(of pki: PKI, by reason: String) -> File {
      reason.hasPrefix(KeyRenewal.ofCertificate) ? .certificate(pki.name) : .key(pki.name)
    }

    /// - Parameter joint: what is wrong with all of them together: too many, say, of which each is good.
    private func oneByOne(_ joint: String, _ unknown: KeysCheck.Unknown) -> [FileFault] {
      func fault(_ pkis: [PKI], _ authorities: [CertificateAuthority]) -> String? {
        do throws(CertificateFault) {
          return try look(pkis, authorities, unknown).faults.first?.reason
        } catch {
          return error.reason
        }
      }
      let ofPKIs = pkis.compactMap { pki in
        fault([pki], []).map { FileFault(half(of: pki, by: $0), reason: $0) }
      }
      let ofAuthorities = authorities.compactMap { authority in
        fault([], [authority]).map { FileFault(.authority(authority.name), reason: $0) }
      }
      let found = ofPKIs + ofAuthorities
      guard found.isEmpty else { return found }
      let first: File? =
        pkis.first.map { .certificate($0.name) } ?? authorities.first.map { .authority($0.name) }
      return first.map { [FileFault($0, reason: joint)] } ?? []
    }
  }
}
