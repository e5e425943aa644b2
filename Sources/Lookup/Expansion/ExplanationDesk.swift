// SPDX-License-Identifier: ISC

internal import Configuration
internal import ControlProtocol
internal import Interprocess
internal import Mail
internal import Policy

/// Tells operators what would become of a recipient, and why, a page for each credit.
final class ExplanationDesk {
  private struct Telling {
    var pages: ArraySlice<ExplanationPage> = []
    /// Responses that may be sent.
    var credits = 1
    var isReady = false
  }

  private let desk: ExpansionDesk
  private let send: (UInt32, ControlResponse) -> Void
  private var tellings: [UInt32: Telling] = [:]

  init(_ desk: ExpansionDesk, send: @escaping (UInt32, ControlResponse) -> Void) {
    self.desk = desk
    self.send = send
  }

  func begin(_ question: ExplanationQuestion, id: UInt32) {
    tellings[id] = Telling()
    var session = SessionFacts(
      id: SessionID(0),
      source: question.source,
      serverName: "",
      helo: question.helo,
      hostname: question.hostName.isEmpty ? RuleSubject.unknownHostName : question.hostName,
      user: question.user.isEmpty ? nil : question.user,
      tag: question.tag
    )
    session.transport = question.transport
    let subject = RuleSubject(
      session: session,
      sender: question.sender,
      destination: question.recipient
    )
    desk.begin(subject, recording: .on) { [unowned self] expansion, outcome in
      finished(expansion, outcome, id)
    }
  }

  /// One more response may be sent.
  func more(id: UInt32) {
    tellings[id]?.credits += 1
    tell(id)
  }

  func cancel(id: UInt32) { tellings[id] = nil }

  /// Nobody listens any longer.
  func cancelAll() { tellings.removeAll() }

  private func finished(_ expansion: Expansion, _ outcome: Expansion.Outcome, _ id: UInt32) {
    let verdict =
      switch outcome {
      case .accepted(let drafts):
        "accepted: \(drafts.count) envelope\(drafts.count == 1 ? "" : "s")"
      case .refused(let reply):
        "refused: \(reply.code) \(reply.status.map { "\($0) " } ?? "")\(reply.lines[0])"
      }
    let nodes = (expansion.explanation ?? []).map(ExplanationNode.init)
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
      case .lookupFailed(let table): notes.append("table \(table) cannot be asked")
      }
    }
  }
}
