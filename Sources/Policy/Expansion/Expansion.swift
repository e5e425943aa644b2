// SPDX-License-Identifier: ISC

internal import Configuration
package import Mail

/// What one recipient of one transaction becomes: envelopes, or a refusal.
///
///     created ──begin──▶ expanding ──nothing is left to do──▶ finished
///                        │  ▲                              ▲
///              ask, proceed answered ──a step refuses──────┘
///
/// A tree whose root is the recipient: an address goes through the ruleset; under a local action it
/// becomes what the virtual table says, or a user; a user becomes what the alias table says, or what his
/// `~/.forward` says, or a delivery. Pure: it asks by returning actions and goes on when it is told an
/// answer. Either all envelopes of a recipient come out of it, or none. No event does more than
/// `ExpansionLimits.slice` of its work, but that a list is read in one go: what is left waits for `proceed`.
package struct Expansion: Sendable {
  /// What the driver has to do next.
  package enum Action: Hashable, Sendable {
    /// Ask, then tell `answered` with the number.
    case ask(Int, ExpansionQuestion)
    /// There is more to do: tell `proceed` when others have had their turn.
    case proceed
    /// Nothing follows, and further answers are of no use.
    case finish(Outcome)
  }

  /// How an expansion ends.
  package enum Outcome: Hashable, Sendable {
    /// At least one.
    case accepted([EnvelopeDraft])
    case refused(Reply)
  }

  /// Whether reasons are kept for an operator.
  package enum Recording: Sendable {
    case off
    case on
  }

  private enum State {
    /// Nothing was asked yet.
    case created
    case expanding
    /// The outcome was given; nothing leads out.
    case finished
  }

  /// A delivery, and the step that it comes from.
  private struct Result {
    let step: Int
    let draft: EnvelopeDraft
  }

  /// What a list named that is not among the steps yet.
  private struct Addition {
    var nodes: ArraySlice<ExpansionNode>
    let origin: ExpansionStep.Origin
    let action: LookupProjection.Action
    let parent: Int
  }

  /// Names the recipient as the client did.
  let subject: RuleSubject
  /// In the order in which they were named.
  private(set) var steps: [ExpansionStep] = []
  /// The reasons so far, one for each step; nil when none are kept.
  package private(set) var explanation: [ExplainedStep]?
  private var state = State.created
  private var seen: Set<ExpansionStepKey> = []
  private var results: [Result] = []
  private var drafted: Set<EnvelopeDraft> = []
  /// The next step to look at.
  private var next = 0
  private var waiting: [Int: ExpansionQuestion] = [:]
  private var asks: [Action] = []
  /// Before the next step is looked at.
  private var additions: [Addition] = []
  private var isToProceed = false
  /// Steps that were looked at or added, and answers that were taken; lists count what reading them costs.
  package private(set) var effort = 0

  /// As the client named it.
  package var recipient: Address { subject.destination }

  /// `subject` names the recipient as the client did.
  package init(_ subject: RuleSubject, recording: Recording = .off) {
    self.subject = subject
    explanation = recording == .on ? [] : nil
  }

  /// Decides by the ruleset as it is now. To be called once.
  package mutating func begin(with ruleset: Ruleset) -> [Action] {
    guard case .created = state else { preconditionFailure("an expansion begun twice") }
    state = .expanding
    steps.append(
      ExpansionStep(
        kind: .address(recipient),
        origin: .client,
        parent: nil,
        depth: 0,
        action: nil,
        destination: recipient
      )
    )
    seen.insert(ExpansionStepKey(steps[0]))
    explanation?.append(ExplainedStep(steps[0]))
    return advance(with: ruleset)
  }

  /// The answer to the question of this number. The ruleset may be another one by now.
  package mutating func answered(
    _ number: Int,
    _ answer: ExpansionAnswer,
    with ruleset: Ruleset
  ) -> [Action] {
    guard case .expanding = state, let question = waiting.removeValue(forKey: number) else {
      preconditionFailure("an answer to a question that was not asked")
    }
    effort += 1
    do throws(ExpansionRefusal) {
      try take(answer, to: question, at: number)
    } catch {
      return refuse(error, at: number)
    }
    // What it leads to has its turn there.
    return isToProceed ? [] : advance(with: ruleset)
  }

  /// Goes on where an action said that there is more. The ruleset may be another one by now.
  package mutating func proceed(with ruleset: Ruleset) -> [Action] {
    guard case .expanding = state, isToProceed else {
      preconditionFailure("an expansion that has nothing to do")
    }
    isToProceed = false
    return advance(with: ruleset)
  }

  private mutating func advance(with ruleset: Ruleset) -> [Action] {
    asks.removeAll(keepingCapacity: true)
    var rest = ExpansionLimits.slice
    while canAdvance {
      guard rest > 0 else {
        isToProceed = true
        return asks + [.proceed]
      }
      rest -= 1
      effort += 1
      let step = additions.first?.parent ?? next
      do throws(ExpansionRefusal) {
        if additions.isEmpty {
          next += 1
          try visit(step, ruleset)
        } else {
          try addNext(ruleset.subaddressDelimiter)
        }
      } catch {
        return refuse(error, at: step)
      }
    }
    guard next == steps.count, waiting.isEmpty else { return asks }
    guard !results.isEmpty else { return refuse(.problem(.permanent), at: 0) }
    state = .finished
    results.sort { $0.step < $1.step }
    return [.finish(.accepted(results.map(\.draft)))]
  }

  private var canAdvance: Bool {
    !additions.isEmpty || (next < steps.count && waiting.count < ExpansionLimits.questions)
  }

  private mutating func refuse(_ refusal: ExpansionRefusal, at step: Int) -> [Action] {
    let reply = refusal.reply(for: recipient)
    state = .finished
    note(step, .refused(reply))
    return [.finish(.refused(reply))]
  }

  // MARK: - What the visits use

  mutating func ask(_ question: ExpansionQuestion, at step: Int) {
    precondition(waiting[step] == nil)
    waiting[step] = question
    asks.append(.ask(step, question))
  }

  mutating func note(_ step: Int, _ note: ExplainedStep.Note) {
    explanation?[step].notes.append(note)
  }

  mutating func hasForwarded(at step: Int) { steps[step].hasForwarded = true }

  /// Adds the entries of a list, before another step is looked at.
  mutating func add(
    _ nodes: [ExpansionNode],
    _ origin: ExpansionStep.Origin,
    under action: LookupProjection.Action,
    below step: Int
  ) {
    guard !nodes.isEmpty else { return }
    effort += nodes.count / 4
    additions.append(Addition(nodes: nodes[...], origin: origin, action: action, parent: step))
  }

  private mutating func addNext(_ delimiter: UInt8) throws(ExpansionRefusal) {
    let origin = additions[0].origin
    let action = additions[0].action
    let parent = additions[0].parent
    guard let node = additions[0].nodes.popFirst() else {
      preconditionFailure("a list that was added to the end")
    }
    if additions[0].nodes.isEmpty { additions.removeFirst() }
    switch node {
    case .address(let address): try add(.address(address), origin, under: action, below: parent)
    case .user(let text):
      let name = LocalName(text, delimiter: delimiter)
      try add(.user(name), origin, under: action, below: parent)
    case .include where origin != .alias: note(parent, .ignoredInclude)
    case .include, .command, .file, .error:
      try add(.leaf(node), origin, under: action, below: parent)
    }
  }

  /// Adds what a step named, unless it was there before.
  mutating func add(
    _ kind: ExpansionStep.Kind,
    _ origin: ExpansionStep.Origin,
    under action: LookupProjection.Action?,
    below parent: Int
  ) throws(ExpansionRefusal) {
    guard steps.count < ExpansionLimits.nodes else { throw .problem(.permanent) }
    var destination = steps[parent].destination
    if case .address(let address) = kind { destination = address }
    var step = ExpansionStep(
      kind: kind,
      origin: origin,
      parent: parent,
      depth: steps[parent].depth + 1,
      action: action,
      destination: destination
    )
    step.standing = standing(of: step)
    guard seen.insert(ExpansionStepKey(step)).inserted else {
      return note(parent, .repeated(ExplainedStep.name(of: kind)))
    }
    steps.append(step)
    explanation?.append(ExplainedStep(step))
  }

  private func standing(of step: ExpansionStep) -> ExpansionStep.Standing {
    switch step.kind {
    case .user(let name): standing(of: name, step)
    case .address(let address): isOwn(address, step) ? .forwarded : .fresh
    case .leaf: .fresh
    }
  }

  private func standing(
    of name: LocalName,
    _ step: ExpansionStep
  ) -> ExpansionStep.Standing {
    var place = step.parent
    while let index = place {
      if case .user(let other) = steps[index].kind, other.user == name.user,
        steps[index].action == step.action
      {
        return steps[index].hasForwarded ? .forwarded : .aliased
      }
      place = steps[index].parent
    }
    return .fresh
  }

  /// Whether a `~/.forward` names the very address that led to it, which stands for its user then.
  private func isOwn(_ address: Address, _ step: ExpansionStep) -> Bool {
    var hasForwarded = false
    var place = step.parent
    while let index = place {
      if steps[index].hasForwarded { hasForwarded = true }
      if case .address(let other) = steps[index].kind, other.isSame(as: address) {
        return hasForwarded
      }
      place = steps[index].parent
    }
    return false
  }

  /// Takes a delivery for a step, once.
  mutating func deliver(
    _ kind: Envelope.Kind,
    _ action: LookupProjection.Action,
    at step: Int
  ) {
    let isDirect = steps[step].origin == .client
    let draft = EnvelopeDraft(
      kind: kind,
      action: action.name,
      recipient: recipient,
      destination: steps[step].destination,
      origin: isDirect ? subject.origin : .expansion
    )
    guard drafted.insert(draft).inserted else { return }
    note(step, .delivery(draft))
    results.append(Result(step: step, draft: draft))
  }
}
