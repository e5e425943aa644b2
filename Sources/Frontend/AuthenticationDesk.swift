// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import NIOCore
internal import SMTP

/// What lookup was asked about clients that authenticate, and who waits for the answer. The frontend
/// itself knows no password and no table.
final class AuthenticationDesk {
  private enum Limits {
    /// How long an answer may take: slow hashes, many of them, and a user database that may hang.
    static let patience = TimeAmount.seconds(60)
  }

  /// Who is told.
  enum Asker {
    case password((ServerSession.AuthenticationVerdict) -> Void)
    case sender((ServerSession.SenderVerdict) -> Void)
  }

  private struct Question {
    let generation: UInt32
    let asker: Asker
  }

  private let context: RoleContext
  private var lookup: FrontendService.LookupEdge?
  private var generation: UInt32 = 0
  private var questions: [UInt64: Question] = [:]
  private var lastToken: UInt64 = 0

  init(_ context: RoleContext) { self.context = context }

  /// Questions travel on this edge from now on; what was asked over another one may still be answered.
  func connect(_ lookup: FrontendService.LookupEdge, _ generation: UInt32) {
    self.lookup = lookup
    self.generation = generation
  }

  /// An edge ended: what was asked over it is not answered any more.
  func ended(_ generation: UInt32) {
    if self.generation == generation { lookup = nil }
    for (token, question) in questions where question.generation == generation { fail(token) }
  }

  func verify(
    _ credentials: ServerSession.Credentials,
    listener: UInt16,
    source: SourceAddress,
    _ finished: @escaping (ServerSession.AuthenticationVerdict) -> Void
  ) {
    ask(.password(finished)) { token in
      .authenticate(
        AuthenticationQuestion(
          token: token,
          listener: listener,
          source: source,
          user: credentials.user,
          password: credentials.password,
          role: credentials.role == .own ? .own : .another
        )
      )
    }
  }

  func check(
    _ sender: Address?,
    user: String,
    listener: UInt16,
    _ finished: @escaping (ServerSession.SenderVerdict) -> Void
  ) {
    ask(.sender(finished)) { token in
      .sender(SenderQuestion(token: token, listener: listener, user: user, sender: sender))
    }
  }

  private func ask(_ asker: Asker, _ message: (UInt64) -> FrontendToLookup) {
    lastToken += 1
    let token = lastToken
    questions[token] = Question(generation: generation, asker: asker)
    guard let lookup else { return fail(token) }
    lookup.send(message(token))
    context.loop.assumeIsolated().scheduleTask(in: Limits.patience) { [weak self] in
      guard let self, questions[token] != nil else { return }
      self.context.log.warn("frontend: no answer about a client that authenticates")
      fail(token)
    }
  }

  func answered(_ token: UInt64, _ verdict: AuthenticationQuestion.Verdict) {
    guard case .password(let finished)? = questions.removeValue(forKey: token)?.asker else {
      return
    }
    switch verdict {
    case .accepted: finished(.accepted)
    case .denied: finished(.denied)
    case .failed: finished(.failed)
    case .barred: finished(.barred)
    }
  }

  func answered(_ token: UInt64, _ verdict: SenderQuestion.Verdict) {
    guard case .sender(let finished)? = questions.removeValue(forKey: token)?.asker else { return }
    switch verdict {
    case .granted: finished(.accepted)
    case .denied: finished(.denied)
    case .failed: finished(.failed)
    }
  }

  private func fail(_ token: UInt64) {
    switch questions.removeValue(forKey: token)?.asker {
    case .password(let finished): finished(.failed)
    case .sender(let finished): finished(.failed)
    case nil: break
    }
  }
}
