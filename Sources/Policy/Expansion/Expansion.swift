// SPDX-License-Identifier: ISC

internal import Configuration
package import Mail

/// What one recipient of one transaction becomes: envelopes, or a refusal.
///
///     created ──begin──▶ deciding ──relay──────────────────────────────▶ finished
///                           │  └────reject, no rule, table failed──────▶ finished
///                           └──local──▶ waiting for the user database ─▶ finished
///
/// Pure: it asks by returning an action and goes on when it is told the answer. Either all envelopes
/// of a recipient come out of it, or none.
package struct Expansion: Sendable {
  /// What the driver has to do next.
  package enum Action: Hashable, Sendable {
    /// Ask the user database, then tell `answered`.
    case askUser(String)
    case finish(Outcome)
  }

  package enum Outcome: Hashable, Sendable {
    /// At least one.
    case accepted([EnvelopeDraft])
    case refused(Reply)
  }

  private enum State: Sendable {
    /// Nothing was asked yet.
    case created
    /// A local action waits to hear whether the user exists.
    case waiting(EnvelopeDraft)
    /// The outcome was given; nothing leads out.
    case finished
  }

  private var state = State.created
  private let subject: RuleSubject
  private var recipient: Address { subject.destination }

  /// `subject` names the recipient as the client did.
  package init(_ subject: RuleSubject) {
    self.subject = subject
  }

  /// Decides by the ruleset as it is now. To be called once.
  package mutating func begin(with ruleset: Ruleset) -> Action {
    guard case .created = state else { preconditionFailure("an expansion begun twice") }
    switch ruleset.decide(subject) {
    case .reject, .noRule:
      return finish(.refused(.invalidRecipient(recipient)))
    case .lookupFailed:
      return finish(.refused(.temporaryFailure(recipient)))
    case .action(let action, _):
      switch action.kind {
      case .relay: return finish(.accepted([draft(.relay, action)]))
      case .local: return ask(action, delimiter: ruleset.subaddressDelimiter)
      }
    }
  }

  /// The user database said so.
  package mutating func answered(_ answer: UserAnswer) -> Action {
    guard case .waiting(let draft) = state else {
      preconditionFailure("an answer to a question that was not asked")
    }
    switch answer {
    case .found: return finish(.accepted([draft]))
    case .absent: return finish(.refused(.invalidRecipient(recipient)))
    case .failed: return finish(.refused(.temporaryFailure(recipient)))
    }
  }

  private mutating func ask(_ action: LookupProjection.Action, delimiter: UInt8) -> Action {
    let local = recipient.local.asciiLowercased
    let (user, tag) =
      Subaddress.split(local, at: delimiter).map { ($0.user, Optional($0.tag)) } ?? (local, nil)
    guard UserName.isAcceptable(user) else {
      return finish(.refused(.invalidRecipient(recipient)))
    }
    let delivery = LocalDelivery(user: user, subaddress: tag)
    state = .waiting(draft(.local(delivery), action))
    return .askUser(user)
  }

  private func draft(
    _ kind: Envelope.Kind,
    _ action: LookupProjection.Action
  ) -> EnvelopeDraft {
    EnvelopeDraft(
      kind: kind,
      action: action.name,
      recipient: recipient,
      destination: recipient,
      origin: subject.origin
    )
  }

  private mutating func finish(_ outcome: Outcome) -> Action {
    state = .finished
    return .finish(outcome)
  }
}

extension Reply {
  /// No rule, a rule that rejects, or no such user.
  package static func invalidRecipient(_ address: Address) -> Reply {
    Reply(550, nil, "Invalid recipient: <\(address)>")
  }

  /// A table or the user database could not be asked.
  package static func temporaryFailure(_ address: Address) -> Reply {
    Reply(451, nil, "Temporary failure: <\(address)>")
  }
}
