// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

/// What an expansion asks of: users with their files, and lists; answers everything, last asked first
/// answered, so that nothing depends on the order.
struct ExpansionWorld {
  var rules: String
  var users: [String: ForwardFile] = [:]
  var roots: Set<String> = []
  var lists: [String: ExpansionAnswer] = [:]
  /// Names for which the user database fails.
  var failing: Set<String> = []
  var recording = Expansion.Recording.off

  struct Result {
    var outcome: Expansion.Outcome
    var questions: [ExpansionQuestion]
    var explanation: [ExplainedStep]
  }

  func expand(_ recipient: String, ruleset given: Ruleset? = nil) throws -> Result {
    let ruleset = try given ?? Rules.ruleset(rules)
    var expansion = Expansion(try Rules.subject(to: recipient), recording: recording)
    var waiting = expansion.begin(with: ruleset)
    var questions: [ExpansionQuestion] = []
    for _ in 0..<200_000 {
      guard let action = waiting.popLast() else { throw Endless() }
      switch action {
      case .finish(let outcome):
        return Result(
          outcome: outcome,
          questions: questions,
          explanation: expansion.explanation ?? []
        )
      case .proceed:
        waiting += expansion.proceed(with: ruleset)
      case .ask(let number, let question):
        questions.append(question)
        waiting += expansion.answered(number, answer(to: question), with: ruleset)
      }
    }
    Issue.record("the expansion of \(recipient) does not end")
    throw Endless()
  }

  struct Endless: Error {}

  private func answer(to question: ExpansionQuestion) -> ExpansionAnswer {
    switch question {
    case .account(let name, let read):
      guard !failing.contains(name) else { return .failed }
      guard let file = users[name] else { return .absent }
      let account = Account(user: roots.contains(name) ? 0 : 1000, group: 1, home: "/home/\(name)")
      return .account(account, read == .wanted ? file : .none)
    case .forward(let account):
      return .forward(
        users[String(account.home.split(separator: "/").last ?? "")] ?? ForwardFile.none
      )
    case .include(let path): return lists[path] ?? .failed
    }
  }

  /// One text for each envelope: what an operator would call it.
  func envelopes(of recipient: String) throws -> [String] {
    let result = try expand(recipient)
    guard case .accepted(let drafts) = result.outcome else { return ["\(reply(result.outcome))"] }
    return drafts.map { draft in
      switch draft.kind {
      case .relay: return "\(draft.action) relay \(draft.destination)"
      case .bounce: return "bounce"
      case .local(let local):
        let tag = local.subaddress.map { "+\($0)" } ?? ""
        let head = "\(draft.action) \(local.user)\(tag)"
        switch local.method {
        case .action: return "\(head) <\(draft.destination)>"
        case .command(let text, let origin): return "\(head) \(origin) |\(text)"
        case .file(let path, let origin): return "\(head) \(origin) \(path)"
        }
      }
    }
  }

  private func reply(_ outcome: Expansion.Outcome) -> String {
    guard case .refused(let reply) = outcome else { return "accepted" }
    return "\(reply.code) \(reply.status.map { "\($0) " } ?? "")\(reply.lines[0])"
  }

  static func forward(_ text: String) -> ForwardFile { .content(Array(text.utf8)) }
}
