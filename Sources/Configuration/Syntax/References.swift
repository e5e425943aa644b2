// SPDX-License-Identifier: ISC

/// Names that may stand before their declaration: judged when everything is read.
struct References {
  /// What a name stands for.
  enum Kind: String {
    case pki, ca
  }

  /// A name where it is used.
  struct Use {
    var kind: Kind
    var name: String
    var position: SourcePosition
  }

  /// A `pki` as far as its lines have come.
  struct PKIDraft {
    var name: String
    var position: SourcePosition
    var certificate: String?
    var key: String?
    var exchange = PKI.FiniteFieldExchange.none
    /// A line of it was wrong, which was said: what is missing is no news.
    var isFaulty = false
  }

  var uses: [Use] = []
  /// In the order of their first lines.
  var pkis: [PKIDraft] = []
  /// Those of which the statement was wrong, which was said.
  var faultyAuthorities: [String] = []
  /// Where the files of certificates and keys are named.
  var files: [TLSJudge.File: SourcePosition] = [:]
  /// Where actions say `srs`.
  var srsUses: [SourcePosition] = []
}

extension Parser {
  /// Makes the certificates, and reports every name that nothing declared.
  mutating func resolveReferences() {
    for pki in references.pkis where !pki.isFaulty {
      guard let certificate = pki.certificate else {
        report(.needs("pki \"\(pki.name)\"", "cert"), at: pki.position)
        continue
      }
      guard let key = pki.key else {
        report(.needs("pki \"\(pki.name)\"", "key"), at: pki.position)
        continue
      }
      draft.pkis.append(
        PKI(name: pki.name, certificate: certificate, key: key, exchange: pki.exchange)
      )
    }
    let names: [References.Kind: [String]] = [
      .pki: references.pkis.map(\.name),
      .ca: draft.authorities.map(\.name) + references.faultyAuthorities,
    ]
    for use in references.uses {
      let known = names[use.kind] ?? []
      guard !known.contains(use.name) else { continue }
      let nearest = Spelling.nearest(to: use.name, in: known)
      report(.undeclared(use.kind.rawValue, use.name, nearest: nearest), at: use.position)
    }
    if draft.srs.key == nil {
      for position in references.srsUses { report(.needs("srs", "\"srs key\""), at: position) }
    }
    judgeTables()
    judgeCertificates()
  }

  private mutating func judgeCertificates() {
    let rest: TLSJudge.Rest = diagnostics.contains { $0.severity == .error } ? .faulty : .good
    for fault in judge?.files(draft.pkis, draft.authorities, rest) ?? [] {
      guard let position = references.files[fault.file] else {
        preconditionFailure("a file that was not asked about")
      }
      report(.unusable(fault.file.description, reason: fault.reason), at: position)
    }
  }

  /// The name of a `pki` or a `ca`: `*`, a domain, or `*.` and a domain; in lower case.
  mutating func certificateName(_ kind: References.Kind) throws(SyntaxFault) -> String {
    let (name, position) = try domainOrStar("the name of a \(kind.rawValue)")
    references.uses.append(References.Use(kind: kind, name: name, position: position))
    return name
  }

  mutating func domainOrStar(_ what: String) throws(SyntaxFault) -> (String, SourcePosition) {
    let (text, position) = try string(what)
    let domain = text.hasPrefix("*.") ? text.dropFirst(2) : text[...]
    guard text == "*" || HostName.isValid(domain) else {
      throw SyntaxFault(complaint: .hostName(text), position: position)
    }
    return (text.lowercased(), position)
  }
}
