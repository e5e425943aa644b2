// SPDX-License-Identifier: ISC

/// `pki NAME cert FILE`, `pki NAME key FILE`, `pki NAME dhe KIND`, `ca NAME cert FILE`.
extension Parser {
  mutating func parsePKI(at place: SourcePosition) throws(SyntaxFault) {
    use(.pki, at: place)
    let (name, position) = try domainOrStar("the name of a pki")
    var index = references.pkis.firstIndex { $0.name == name }
    if index == nil {
      index = references.pkis.count
      references.pkis.append(References.PKIDraft(name: name, position: position))
    }
    guard let index else { return }
    let wasFaulty = references.pkis[index].isFaulty
    references.pkis[index].isFaulty = true
    let (word, _) = try choice(of: "pki", among: ["cert", "key", "dhe"])
    switch word {
    case "cert":
      let (path, place) = try absolutePath("a certificate's file")
      references.pkis[index].certificate = path
      references.files[.certificate(name)] = place
    case "key":
      let (path, place) = try absolutePath("a key's file")
      references.pkis[index].key = path
      references.files[.key(name)] = place
    default:
      let kinds = PKI.FiniteFieldExchange.allCases.map(\.rawValue)
      let (kind, _) = try choice(of: "pki dhe", among: kinds)
      references.pkis[index].exchange = PKI.FiniteFieldExchange(rawValue: kind) ?? .none
    }
    try endOfStatement()
    references.pkis[index].isFaulty = wasFaulty
  }

  mutating func parseAuthority(at place: SourcePosition) throws(SyntaxFault) {
    use(.authority, at: place)
    let (name, position) = try domainOrStar("the name of a ca")
    let (path, place) = try declaring(name, as: .authority) { parser throws(SyntaxFault) in
      _ = try parser.choice(of: "ca", among: ["cert"])
      let found = try parser.absolutePath("a certificate's file")
      try parser.endOfStatement()
      return found
    }
    guard !draft.authorities.contains(where: { $0.name == name }) else {
      return report(.duplicate("ca", name), at: position)
    }
    draft.authorities.append(CertificateAuthority(name: name, certificate: path))
    references.files[.authority(name)] = place
  }
}
