// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import NIOCore

/// Lookup's edge to accounts. Every question over it has one answer: what accounts says, or a failure
/// once accounts is gone or has taken too long.
final class AccountsClient {
  /// What bounds an answer.
  enum Limits {
    /// How long accounts may think, in milliseconds: a name service or a home may hang. Longer than accounts
    /// itself waits for a home, and so short that two in turn are within what a frontend waits.
    static let patience: Int64 = 20_000
    /// How often it is looked whether one is overdue, in milliseconds.
    static let look: Int64 = 250
  }

  private typealias AccountsEdge = Edge<LookupToAccounts, AccountsToLookup>

  private let context: RoleContext
  private let patience: Int64
  /// Told each answer, and each failure.
  var tell: (AccountsToLookup) -> Void = { _ in }
  private var edge: AccountsEdge?
  private var generation: UInt32 = 0
  /// What was asked, by its token.
  private var waiting: [UInt64: Subject] = [:]
  private var deadlines: AnswerDeadlines<UInt64>
  private var isLooking = false

  /// What a question is about, without secrets.
  fileprivate enum Subject {
    case user(String)
    case forward(home: String)
    case list(path: String)
    case password(user: String)
  }

  init(_ context: RoleContext, patience: Int64 = Limits.patience) {
    self.context = context
    self.patience = patience
    deadlines = AnswerDeadlines(limit: patience)
  }

  func connect(_ generation: UInt32, _ descriptor: CInt) {
    // What the last one was asked it will not answer.
    edge?.close()
    lost()
    self.generation = generation
    edge = AccountsEdge(
      descriptor: descriptor,
      peer: .accounts,
      on: context.loop,
      receive: { [unowned self] answer in
        guard waiting.removeValue(forKey: answer.token) != nil else { return }
        tell(answer)
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .accounts)
        // One that was replaced may end later than its successor begins.
        guard self.generation == generation else { return }
        lost()
      }
    )
  }

  /// Whether somebody was there to be asked. Its token is no other question's.
  func ask(_ question: LookupToAccounts) -> Bool {
    guard let edge else { return false }
    let subject: Subject =
      switch question {
      case .user(_, let name), .userAndForward(_, let name): .user(name)
      case .forward(_, _, _, let home): .forward(home: home)
      case .list(_, let path): .list(path: path)
      case .authenticate(_, let name, _, _): .password(user: name)
      }
    waiting[question.token] = subject
    deadlines.asked(question.token, at: Clock.rising())
    edge.send(question)
    lookLater()
    return true
  }

  private func lost() {
    edge = nil
    for (token, subject) in exchange(&waiting, with: [:]) { tell(subject.failure(token)) }
  }

  private func lookLater() {
    guard !isLooking, !waiting.isEmpty else { return }
    isLooking = true
    context.loop.assumeIsolated().scheduleTask(in: .milliseconds(Limits.look)) { [unowned self] in
      isLooking = false
      let now = Clock.rising()
      while let token = deadlines.takeOverdue(at: now) {
        guard let subject = waiting.removeValue(forKey: token) else { continue }
        context.log.warn("lookup: accounts: no answer about \(subject) within \(patience) ms")
        tell(subject.failure(token))
      }
      lookLater()
    }
  }
}

extension AccountsClient.Subject: CustomStringConvertible {
  /// For the log.
  var description: String {
    switch self {
    case .user(let name): "user \(name)"
    case .forward(let home): "the .forward in \(home)"
    case .list(let path): "the list \(path)"
    case .password(let user): "the password of \(user.asOneWord)"
    }
  }

  fileprivate func failure(_ token: UInt64) -> AccountsToLookup {
    switch self {
    case .password: .authentication(token: token, .failed)
    case .user, .forward, .list: .failed(token: token)
    }
  }
}
