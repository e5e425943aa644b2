// SPDX-License-Identifier: ISC

package import Mail

extension Query {
  /// Whether an envelope is one of those that are meant.
  package func matches(_ stored: StoredEnvelope, _ state: RuntimeState, at now: Instant) -> Bool {
    Query.holds(root) { test in
      Query.known(test, stored.envelope.id, state)
        ?? Query.holds(test, stored, state, at: now)
    }
  }

  /// What the identifier and the place alone say, so that a record need not be read: nil when they do
  /// not decide.
  package func preview(_ id: EnvelopeID, _ state: RuntimeState) -> Bool? {
    Query.preview(root) { test in Query.known(test, id, state) }
  }

  private static func holds(_ node: Node, _ test: (Test) -> Bool) -> Bool {
    switch node {
    case .test(let leaf): test(leaf)
    case .not(let inner): !holds(inner, test)
    case .and(let parts): parts.allSatisfy { holds($0, test) }
    case .or(let parts): parts.contains { holds($0, test) }
    }
  }

  /// The same in three values.
  private static func preview(_ node: Node, _ test: (Test) -> Bool?) -> Bool? {
    switch node {
    case .test(let leaf): return test(leaf)
    case .not(let inner): return preview(inner, test).map { !$0 }
    case .and(let parts):
      var isOpen = false
      for part in parts {
        guard let value = preview(part, test) else {
          isOpen = true
          continue
        }
        if !value { return false }
      }
      return isOpen ? nil : true
    case .or(let parts):
      var isOpen = false
      for part in parts {
        guard let value = preview(part, test) else {
          isOpen = true
          continue
        }
        if value { return true }
      }
      return isOpen ? nil : false
    }
  }

  /// What can be told without the record.
  private static func known(_ test: Test, _ id: EnvelopeID, _ state: RuntimeState) -> Bool? {
    switch test {
    case .everything: true
    case .envelope(let wanted): wanted == id
    case .message(let wanted): wanted == id.message
    case .state(let wanted):
      if wanted == state || (wanted == .pending && state == .scheduled) {
        true
      } else {
        // An envelope in flight may be suspended all the same: its record knows.
        wanted == .suspended ? nil : false
      }
    default: nil
    }
  }

  private static func holds(
    _ test: Test,
    _ stored: StoredEnvelope,
    _ state: RuntimeState,
    at now: Instant
  ) -> Bool {
    let envelope = stored.envelope
    switch test {
    case .sender(let address): return address.matches(stored.message.sender)
    case .recipient(let address):
      return address.matches(envelope.recipient) || address.matches(envelope.destination)
    case .domain(let text): return text.matches(envelope.destination.domain)
    case .action(let text): return text.matches(envelope.action)
    case .error(let text): return text.matches(envelope.progress.lastError)
    case .tag(let text): return text.matches(stored.message.session.tag)
    case .user(let text): return text.matches(stored.message.session.user ?? "")
    case .state(let wanted):
      return wanted == .suspended && envelope.progress.suspension.isPause
    case .kind(let word): return word == KindWord(envelope.kind)
    case .age(let comparison, let seconds):
      return comparison.holds(now.seconds &- envelope.created.seconds, seconds)
    case .retry(let comparison, let count):
      return comparison.holds(Int64(envelope.progress.tries), count)
    case .size(let comparison, let bytes):
      return comparison.holds(Int64(stored.message.size), bytes)
    case .everything, .envelope, .message:
      preconditionFailure("decided without the record")
    }
  }
}

extension Query.KindWord {
  init(_ kind: Envelope.Kind) {
    switch kind {
    case .local: self = .mda
    case .relay: self = .mta
    case .bounce: self = .bounce
    }
  }
}
