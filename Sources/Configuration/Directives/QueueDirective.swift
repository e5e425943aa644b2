// SPDX-License-Identifier: ISC

/// `queue ttl DURATION`, `queue backend KIND`, `queue compression`, `queue encryption [KEY]`.
extension Parser {
  mutating func parseQueue() throws(SyntaxFault) {
    let known = ["ttl", "backend", "compression", "encryption"]
    let (word, place) = try choice(of: "queue", among: known)
    switch word {
    case "ttl":
      draft.timeToLive = try duration()
    case "compression":
      use(.compression, at: place)
      draft.compression = .gzip
    case "encryption":
      use(.encryption, at: place)
      draft.encryption = try queueEncryption()
    default:
      let kinds = QueueBackend.allCases.map(\.rawValue)
      let (kind, position) = try choice(of: "queue backend", among: kinds)
      guard let backend = QueueBackend(rawValue: kind) else {
        throw unexpected(Token(kind: .word(kind), position: position), kinds)
      }
      draft.backend = backend
    }
    try endOfStatement()
  }

  /// Nothing, a dash or `stdin`, or the key.
  private mutating func queueEncryption() throws(SyntaxFault) -> QueueEncryption {
    if try peek().isEndOfStatement { return .prompted }
    if try accept(symbol: "-") { return .standardInput }
    let (key, position) = try string("a key, \"stdin\" or \"-\"")
    if key == "-" || key.lowercased() == "stdin" { return .standardInput }
    guard key.utf8.count == QueueEncryption.keyLength else {
      throw SyntaxFault(complaint: .keyLength(key.utf8.count), position: position)
    }
    return .key(key)
  }
}
