// SPDX-License-Identifier: ISC

/// `queue ttl DURATION`, `queue backend KIND`.
extension Parser {
  mutating func parseQueue() throws(SyntaxFault) {
    let (word, _) = try choice(
      of: "queue",
      among: ["ttl", "backend"],
      unsupported: ["compression", "encryption"]
    )
    if word == "ttl" {
      draft.timeToLive = try duration()
    } else {
      let kinds = QueueBackend.allCases.map(\.rawValue)
      let (kind, position) = try choice(of: "queue backend", among: kinds)
      guard let backend = QueueBackend(rawValue: kind) else {
        throw SyntaxFault(complaint: .unsupported(kind), position: position)
      }
      draft.backend = backend
    }
    try endOfStatement()
  }
}
