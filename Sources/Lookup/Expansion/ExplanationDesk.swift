// SPDX-License-Identifier: ISC

internal import Configuration
internal import ControlProtocol
internal import Interprocess
internal import Mail
internal import Policy
internal import ResolverEdge

/// Tells operators what would become of a recipient, and why, a page for each credit.
final class ExplanationDesk {
  private struct Telling {
    /// Which of all it is: roles that come anew number theirs anew.
    let number: UInt64
    var pages: ArraySlice<ExplanationPage> = []
    /// Responses that may be sent.
    var credits = 1
    var isReady = false
  }

  private let desk: ExpansionDesk
  private let names: ReverseNames
  private let send: (UInt32, ControlResponse) -> Void
  private var tellings: [UInt32: Telling] = [:]
  private var lastNumber: UInt64 = 0

  init(
    _ desk: ExpansionDesk,
    _ names: ReverseNames,
    send: @escaping (UInt32, ControlResponse) -> Void
  ) {
    self.desk = desk
    self.names = names
    self.send = send
  }

  func begin(_ question: ExplanationQuestion, id: UInt32) {
    lastNumber += 1
    let number = lastNumber
    tellings[id] = Telling(number: number)
    switch question.hostName {
    case .given(let name):
      let hostName = name.isEmpty ? RuleSubject.unknownHostName : name
      begin(question, hostName, .answered, note: nil, id, number)
    case .resolved:
      names.name(of: question.source) { [unowned self] name in
        let note =
          name == .failed
          ? "what the client is called cannot be found out now"
          : "the client is called \(name.text)"
        begin(question, name.text, name.lookup, note: note, id, number)
      }
    }
  }

  private func begin(
    _ question: ExplanationQuestion,
    _ hostName: String,
    _ reverseLookup: ReverseLookup,
    note: String?,
    _ id: UInt32,
    _ number: UInt64
  ) {
    guard tellings[id]?.number == number else { return }
    var session = SessionFacts(
      id: SessionID(0),
      source: question.source,
      serverName: "",
      helo: question.helo,
      hostname: hostName,
      user: question.user.isEmpty ? nil : question.user,
      tag: question.tag
    )
    session.transport = question.transport
    let subject = RuleSubject(
      session: session,
      sender: question.sender,
      destination: question.recipient,
      reverseLookup: reverseLookup
    )
    let isWaiting = { [unowned self] in tellings[id]?.number == number }
    let asker = ExpansionDesk.Asker(
      session: ExpansionTurns.Session(.operators, edge: 0, number: number),
      isWaiting: isWaiting
    ) { [unowned self] expansion, outcome in
      if isWaiting() { finished(expansion, outcome, note, id) }
      return nil
    }
    desk.begin(subject, recording: .on, asker)
  }

  /// One more response may be sent.
  func more(id: UInt32) {
    tellings[id]?.credits += 1
    tell(id)
  }

  func cancel(id: UInt32) { tellings[id] = nil }

  /// Nobody listens any longer.
  func cancelAll() { tellings.removeAll() }

  private func finished(
    _ expansion: Expansion,
    _ outcome: Expansion.Outcome,
    _ note: String?,
    _ id: UInt32
  ) {
    let verdict =
      switch outcome {
      case .accepted(let drafts):
        "accepted: \(drafts.count) envelope\(drafts.count == 1 ? "" : "s")"
      case .refused(let reply):
        "refused: \(reply.code) \(reply.status.map { "\($0) " } ?? "")\(reply.lines[0])"
      }
    var nodes = (expansion.explanation ?? []).map(ExplanationNode.init)
    if let note, !nodes.isEmpty { nodes[0].notes.insert(note, at: 0) }
    tellings[id]?.pages = ExplanationPage.pages(verdict: verdict, nodes)[...]
    tellings[id]?.isReady = true
    tell(id)
  }

  private func tell(_ id: UInt32) {
    while var telling = tellings[id], telling.isReady, telling.credits > 0 {
      guard let page = telling.pages.popFirst() else {
        tellings[id] = nil
        return send(id, .done)
      }
      telling.credits -= 1
      tellings[id] = telling
      send(id, .explained(page))
    }
  }
}

extension ExplanationNode {
  fileprivate init(_ step: ExplainedStep) {
    self.init(parent: step.parent, name: step.name)
    for note in step.notes {
      if let text = note.text { notes.append(text) }
      guard case .rules(let explained) = note else { continue }
      rules = explained.mismatches.map { Rule(line: $0.line, lacks: $0.criterion.rawValue) }
      switch explained.decision {
      case .reject(let line):
        rules.append(Rule(line: line, lacks: nil))
        notes.append("the rule says reject")
      case .action(let action, let line):
        rules.append(Rule(line: line, lacks: nil))
        notes.append("the rule says action \"\(action.name)\"")
      case .noRule: notes.append("no rule matches")
      case .lookupFailed(.table(let table)): notes.append("table \(table) cannot be asked")
      case .lookupFailed(.reverseName): notes.append("a rule asks what the client is called")
      }
    }
  }
}
