// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import Policy

/// The expansions under way: gives each its turns, hands its questions on, and brings the answers back.
///
/// None runs where it is begun or answered, but in its turn, so that none of a client's makes another
/// client wait.
final class ExpansionDesk {
  private enum Limits {
    /// Questions that wait for an answer at one time.
    static let questions = 16_384
  }

  /// When the next turns are.
  enum Occasion {
    /// Once what has arrived is taken.
    case soon
    /// Once the loop has looked for what has arrived meanwhile.
    case later
  }

  /// Who wants to know.
  struct Asker {
    let session: ExpansionTurns.Session
    /// Whether somebody waits for the outcome still; it is not worked on for nobody.
    let isWaiting: () -> Bool
    /// Told once, and once more with a refusal where nothing of what follows was sent. What is given back
    /// is what follows the outcome.
    let finished: (Expansion, Expansion.Outcome) -> Part?
  }

  /// How far what follows an outcome is.
  enum Progress {
    /// Nothing of it has been sent.
    case prepared
    case sent
    case over
  }

  /// Does a part of what follows an outcome, of about a slice.
  typealias Part = () -> Progress

  private final class Work {
    var expansion: Expansion
    let asker: Asker
    var answers: [(number: Int, ExpansionAnswer)] = []
    var isToProceed = false
    /// What it asks about lists, which may be large: held until there is room for a large one.
    var lists: [(number: Int, ExpansionQuestion)] = []
    /// What follows the outcome, once that is there.
    var rest: Part?
    /// A part of it has been sent: it goes on to its end.
    var hasSent = false

    init(_ expansion: Expansion, _ asker: Asker) {
      self.expansion = expansion
      self.asker = asker
    }
  }

  private struct Asked {
    let work: UInt64
    let number: Int
    let client: ExpansionTurns.Client
  }

  var ruleset: Ruleset
  private let ask: (_ token: UInt64, ExpansionQuestion) -> Bool
  private let schedule: (Occasion, @escaping () -> Void) -> Void
  private var turns = ExpansionTurns(ExpansionTurns.Limits(patience: EdgeLimits.recipientAnswer))
  private var works: [UInt64: Work] = [:]
  private var asked: [UInt64: Asked] = [:]
  private var lastWork: UInt64 = 0
  private var lastToken: UInt64 = 0
  private var isScheduled = false

  /// - Parameters:
  ///   - ask: hands a question on; false when nobody is there to be asked. What was asked is answered.
  ///   - schedule: runs something on the loop, not at once.
  init(
    ruleset: Ruleset,
    ask: @escaping (_ token: UInt64, ExpansionQuestion) -> Bool,
    schedule: @escaping (Occasion, @escaping () -> Void) -> Void
  ) {
    self.ruleset = ruleset
    self.ask = ask
    self.schedule = schedule
  }

  /// Expansions that are not over.
  var count: Int { works.count }

  static let tooMany = Reply(
    451,
    EnhancedStatus(.temporary, 3, 2),
    "Temporary failure: too many recipients wait to be checked, try again later"
  )

  func begin(_ subject: RuleSubject, recording: Expansion.Recording = .off, _ asker: Asker) {
    let expansion = Expansion(subject, recording: recording)
    lastWork += 1
    guard turns.add(lastWork, of: asker.session, at: Clock.rising()) else {
      _ = asker.finished(expansion, .refused(ExpansionDesk.tooMany))
      return
    }
    works[lastWork] = Work(expansion, asker)
    goOn(.soon)
  }

  /// The answer to a question. One that nobody waits for is dropped.
  func answered(_ token: UInt64, _ answer: ExpansionAnswer) {
    guard let question = asked.removeValue(forKey: token) else { return }
    turns.answered(for: question.client)
    if let work = works[question.work] {
      work.answers.append((question.number, answer))
      turns.wake(question.work)
    }
    goOn(.soon)
  }

  /// A session is over: what is not decided for it is refused without a further look.
  func end(_ session: ExpansionTurns.Session) {
    for number in turns.expansions(of: session) {
      if let work = works[number], !work.hasSent { drop(work, number) }
    }
    goOn(.soon)
  }

  // MARK: - Turns

  private func goOn(_ occasion: Occasion) {
    guard !isScheduled else { return }
    isScheduled = true
    schedule(occasion) { [unowned self] in
      let isMore = takeTurns()
      isScheduled = false
      if isMore { goOn(.later) }
    }
  }

  /// False when there is nothing left that could be done now.
  private func takeTurns() -> Bool {
    let now = Clock.rising()
    var effort = ExpansionLimits.turn
    while effort > 0 {
      guard let turn = turns.next(at: now) else { return false }
      let used = take(turn)
      turns.used(used)
      effort -= used
    }
    return true
  }

  /// What it cost.
  private func take(_ turn: ExpansionTurns.Turn) -> Int {
    let number = turn.number
    guard let work = works[number] else { preconditionFailure("a turn without work") }
    guard work.asker.isWaiting() else {
      drop(work, number)
      return 1
    }
    let before = work.expansion.effort
    var envelopes = 0
    switch turn {
    case .begin: envelopes = perform(work.expansion.begin(with: ruleset), work, number)
    case .drop where !work.hasSent: drop(work, number)
    case .goOn, .drop: envelopes = advance(work, number)
    }
    if !work.answers.isEmpty { turns.wake(number) }
    if work.isToProceed || work.rest != nil || !work.lists.isEmpty { turns.hasMore(number) }
    return max(1, work.expansion.effort - before + envelopes)
  }

  private func drop(_ work: Work, _ number: UInt64) {
    end(number)
    guard !work.hasSent else { return }
    let reply = Reply.temporaryFailure(work.expansion.recipient)
    _ = work.asker.finished(work.expansion, .refused(reply))
  }

  private func end(_ number: UInt64) {
    works[number] = nil
    turns.end(number)
  }

  // MARK: - Progress

  /// One step of what there is to do. Returns the envelopes that were sent.
  private func advance(_ work: Work, _ number: UInt64) -> Int {
    if !work.answers.isEmpty {
      let (question, answer) = work.answers.removeFirst()
      return perform(work.expansion.answered(question, answer, with: ruleset), work, number)
    }
    if let rest = work.rest, work.hasSent || !turns.isParked(number) {
      follow(rest, work, number)
      return ExpansionLimits.slice
    }
    guard !turns.isParked(number) else { return 0 }
    for (question, list) in work.lists { put(list, question, work, number) }
    work.lists = []
    guard work.isToProceed else { return 0 }
    work.isToProceed = false
    return perform(work.expansion.proceed(with: ruleset), work, number)
  }

  private func perform(_ actions: [Expansion.Action], _ work: Work, _ number: UInt64) -> Int {
    for action in actions {
      switch action {
      case .finish(let outcome): return finish(outcome, work, number)
      case .proceed: work.isToProceed = true
      case .ask(let question, .include(let path)): work.lists.append((question, .include(path)))
      case .ask(let question, let text): put(text, question, work, number)
      }
    }
    return 0
  }

  private func put(_ text: ExpansionQuestion, _ question: Int, _ work: Work, _ number: UInt64) {
    lastToken += 1
    guard asked.count < Limits.questions, ask(lastToken, text) else {
      return work.answers.append((question, .failed))
    }
    let client = work.asker.session.client
    asked[lastToken] = Asked(work: number, number: question, client: client)
    turns.asked(for: client)
  }

  private func finish(_ outcome: Expansion.Outcome, _ work: Work, _ number: UInt64) -> Int {
    work.answers = []
    work.lists = []
    work.isToProceed = false
    work.rest = work.asker.finished(work.expansion, outcome)
    guard case .accepted(let drafts) = outcome, let rest = work.rest else {
      end(number)
      return 0
    }
    // A large one waits for room first: it may be given up until then.
    guard drafts.count <= ExpansionLimits.slice else { return 0 }
    follow(rest, work, number)
    return drafts.count
  }

  private func follow(_ rest: Part, _ work: Work, _ number: UInt64) {
    switch rest() {
    case .prepared: break
    case .sent: work.hasSent = true
    case .over:
      work.rest = nil
      end(number)
    }
  }
}
