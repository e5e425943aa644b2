// SPDX-License-Identifier: ISC

package import Mail

extension Query {
  /// Where the envelopes that can match are found.
  package enum Scope: Equatable, Sendable {
    /// Anywhere: the queue has to be walked.
    case everything
    /// Among these: no walk is needed. In rising order; what of them matches is still to be asked.
    case only(messages: [MessageID], envelopes: [EnvelopeID])
  }

  package var scope: Scope {
    guard let places = Query.places(root) else { return .everything }
    let whole = Set(places.messages)
    return .only(
      messages: whole.sorted(),
      envelopes: Set(places.envelopes).filter { !whole.contains($0.message) }.sorted()
    )
  }

  private struct Places {
    var messages: [MessageID] = []
    var envelopes: [EnvelopeID] = []

    /// Envelopes are cheaper to look at than messages.
    var cost: Int { messages.count * 16 + envelopes.count }
  }

  /// Nil when it may be anywhere.
  private static func places(_ node: Node) -> Places? {
    switch node {
    case .test(.envelope(let id)): return Places(envelopes: [id])
    case .test(.message(let id)): return Places(messages: [id])
    case .test, .not: return nil
    case .and(let parts):
      return parts.compactMap { places($0) }.min { $0.cost < $1.cost }
    case .or(let parts):
      var all = Places()
      for part in parts {
        guard let some = places(part) else { return nil }
        all.messages += some.messages
        all.envelopes += some.envelopes
      }
      return all
    }
  }
}
