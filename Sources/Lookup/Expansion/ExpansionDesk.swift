// SPDX-License-Identifier: ISC

internal import Configuration
internal import Mail
internal import Policy

/// The expansions under way: drives each, hands its questions on, and brings the answers back.
final class ExpansionDesk {
  private enum Limits {
    /// Questions that wait for an answer at one time.
    static let questions = 16_384
  }

  private struct Work {
    var expansion: Expansion
    var tokens: Set<UInt64> = []
    let finished: (Expansion, Expansion.Outcome) -> Void
  }

  private struct Asked {
    let work: UInt64
    let number: Int
  }

  var ruleset: Ruleset
  private let ask: (_ token: UInt64, ExpansionQuestion) -> Bool
  private var works: [UInt64: Work] = [:]
  private var asked: [UInt64: Asked] = [:]
  private var lastWork: UInt64 = 0
  private var lastToken: UInt64 = 0

  /// - Parameter ask: hands a question on; false when nobody is there to be asked.
  init(ruleset: Ruleset, ask: @escaping (_ token: UInt64, ExpansionQuestion) -> Bool) {
    self.ruleset = ruleset
    self.ask = ask
  }

  /// Expansions that wait for answers.
  var count: Int { works.count }

  /// `finished` is told once, perhaps at once.
  func begin(
    _ subject: RuleSubject,
    recording: Expansion.Recording = .off,
    finished: @escaping (Expansion, Expansion.Outcome) -> Void
  ) {
    var work = Work(expansion: Expansion(subject, recording: recording), finished: finished)
    let actions = work.expansion.begin(with: ruleset)
    lastWork += 1
    perform(actions, work, lastWork)
  }

  /// The answer to a question. One that nobody waits for is dropped.
  func answered(_ token: UInt64, _ answer: ExpansionAnswer) {
    guard let question = asked.removeValue(forKey: token),
      var work = works.removeValue(forKey: question.work)
    else { return }
    work.tokens.remove(token)
    let actions = work.expansion.answered(question.number, answer, with: ruleset)
    perform(actions, work, question.work)
  }

  private func perform(_ actions: [Expansion.Action], _ started: Work, _ id: UInt64) {
    var work = started
    var rest = actions[...]
    while let action = rest.popFirst() {
      switch action {
      case .finish(let outcome):
        for token in work.tokens { asked[token] = nil }
        return work.finished(work.expansion, outcome)
      case .ask(let number, let question):
        lastToken += 1
        if asked.count < Limits.questions, ask(lastToken, question) {
          asked[lastToken] = Asked(work: id, number: number)
          work.tokens.insert(lastToken)
          continue
        }
        let more = work.expansion.answered(number, .failed, with: ruleset)
        // A refusal stands alone: what else was to be asked is of no use.
        if case .finish = more.first { rest = [] }
        rest += more
      }
    }
    works[id] = work
  }
}
