// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import NIOCore
internal import NIOPosix
internal import Passwords
internal import Policy

/// Says whether clients are who they say: by the table of their listener, or by asking accounts.
///
/// Hashes are computed on threads of its own, so many at a time; a wrong answer waits a moment before it
/// leaves, and one about a user that there is not costs what a wrong password costs.
final class CredentialDesk {
  private enum Limits {
    /// Hashes that are computed at the same time.
    static let threads = 2
    /// Attempts that are looked at or wait for it, of all clients and of one address.
    static let attempts = 256
    static let attemptsOfAddress = 8
    /// Of this machine's programs together: a webmail has many users.
    static let attemptsOfMachine = 64
    /// How soon after its question a wrong answer comes, in milliseconds: more than a usual hash takes.
    static let delay: Int64 = 500
    /// The same for this machine's programs while too many of their passwords are wrong.
    static let delayOfSuspects: Int64 = 3000
    /// How much later than that, or than its finding, it may come, by chance.
    static let spread: Int64 = 250
    /// How often it is told that this machine's programs are slowed down, in milliseconds.
    static let warningInterval: Int64 = 600_000
  }

  /// Tokens of questions to accounts have this bit, and those of the other desks have not.
  private static let mark: UInt64 = 1 << 62

  private struct Attempt {
    let token: UInt64
    let generation: UInt32
    let source: SourceAddress
    let user: String
    /// When it came, in milliseconds.
    let begun: Int64

    /// Whose attempt it is: of a network, or of this machine whatever its address.
    var client: SourceAddress { source.isOfMachine ? .local : source.network }
    var limit: Int { source.isOfMachine ? Limits.attemptsOfMachine : Limits.attemptsOfAddress }
  }

  private let context: RoleContext
  private let listeners: [LookupProjection.Listener]
  private let ruleset: () -> Ruleset
  private let ask: (LookupToAccounts) -> Bool
  private let answer: (_ generation: UInt32, LookupToFrontend) -> Void
  private let pool = NIOThreadPool(numberOfThreads: Limits.threads)
  private var failures = AddressFailures()
  private var slowdownWarning = WarningPace(interval: Limits.warningInterval)
  private var underWay: [SourceAddress: Int] = [:]
  private var total = 0
  private var asked: [UInt64: Attempt] = [:]
  private var lastToken = CredentialDesk.mark
  /// What the hashes of a table are like.
  private var settings: [TableIndex: String] = [:]
  /// How many times a table said something else.
  private var changes = 0

  /// - Parameters:
  ///   - ask: asks accounts; false when nobody is there to be asked.
  ///   - answer: tells a frontend.
  init(
    _ context: RoleContext,
    listeners: [LookupProjection.Listener],
    ruleset: @escaping () -> Ruleset,
    ask: @escaping (LookupToAccounts) -> Bool,
    answer: @escaping (_ generation: UInt32, LookupToFrontend) -> Void
  ) {
    self.context = context
    self.listeners = listeners
    self.ruleset = ruleset
    self.ask = ask
    self.answer = answer
    pool.start()
  }

  /// The table says something else from now on.
  func forget(_ table: TableIndex) {
    settings[table] = nil
    changes += 1
  }

  /// A client says who it is.
  func check(_ question: AuthenticationQuestion, from generation: UInt32) {
    let attempt = Attempt(
      token: question.token,
      generation: generation,
      source: question.source,
      user: question.user,
      begun: Clock.rising()
    )
    guard listeners.indices.contains(Int(question.listener)),
      case let authentication = listeners[Int(question.listener)].authentication,
      authentication.policy != .none
    else { return tell(attempt, .failed) }
    let standing = failures.standing(of: attempt.source, as: attempt.user, at: Clock.rising())
    guard standing == .welcome else { return tell(attempt, .barred) }
    guard total < Limits.attempts, underWay[attempt.client, default: 0] < attempt.limit else {
      context.log.warn("lookup: too many clients authenticate at the same time")
      return tell(attempt, .failed)
    }
    total += 1
    underWay[attempt.client, default: 0] += 1
    if question.role == .another {
      conclude(attempt, .denied)
    } else if let table = authentication.credentials {
      look(question, table, attempt)
    } else {
      lastToken += 1
      asked[lastToken] = attempt
      let asking = LookupToAccounts.authenticate(
        token: lastToken,
        name: question.user,
        source: question.source,
        question.password
      )
      if !ask(asking) { answered(lastToken, .failed) }
    }
  }

  /// A client that is known wants to send from an address.
  func check(_ question: SenderQuestion, from generation: UInt32) {
    guard listeners.indices.contains(Int(question.listener)),
      let senders = listeners[Int(question.listener)].senders
    else { return answer(generation, .sender(token: question.token, .failed)) }
    let ruleset = ruleset()
    let verdict: SenderQuestion.Verdict
    switch ruleset.permission(of: question.user, toSendFrom: question.sender, by: senders.table) {
    case .granted: verdict = .granted
    case .denied: verdict = .denied
    case .unknown:
      context.log.warn("lookup: table \(ruleset.name(of: senders.table)) cannot be asked")
      verdict = .failed
    }
    answer(generation, .sender(token: question.token, verdict))
  }

  /// Accounts knows whether it is the password.
  func answered(_ token: UInt64, _ verdict: AuthenticationQuestion.Verdict) {
    guard let attempt = asked.removeValue(forKey: token) else { return }
    conclude(attempt, verdict)
  }

  private func look(_ question: AuthenticationQuestion, _ table: TableIndex, _ attempt: Attempt) {
    let ruleset = ruleset()
    let hash: String?
    switch ruleset.password(of: question.user, in: table) {
    case .hash(let found): hash = found
    case .absent: hash = nil
    case .failed:
      context.log.warn("lookup: table \(ruleset.name(of: table)) cannot be asked")
      return conclude(attempt, .failed)
    }
    let known = settings[table]
    let changes = changes
    let loop = context.loop
    let done = NIOLoopBound(
      { [unowned self] (isRight: Bool, setting: String) in
        if changes == self.changes { settings[table] = setting }
        conclude(attempt, isRight ? .accepted : .denied)
      },
      eventLoop: loop
    )
    let password = question.password
    pool.submit { _ in
      let setting = known ?? ruleset.somePassword(in: table) ?? PasswordHash.usualSetting
      let isRight = PasswordHash.matches(password, hash, otherwise: setting)
      loop.execute { done.value(isRight, setting) }
    }
  }

  private func conclude(_ attempt: Attempt, _ verdict: AuthenticationQuestion.Verdict) {
    guard verdict == .denied else {
      release(attempt)
      return tell(attempt, verdict)
    }
    let standing = failures.failed(attempt.source, as: attempt.user, at: Clock.rising())
    if standing == .barred {
      let address = IPAddress(attempt.source).map { "\($0)" } ?? "local"
      let part = attempt.source.isOfMachine ? " for one user=\(attempt.user.asOneWord)" : ""
      context.log.warn("lookup: too many authentication failures from address=\(address)\(part)")
    }
    let isSuspect = isSuspect(attempt)
    if isSuspect, slowdownWarning.isDue(at: Clock.rising()) {
      context.log.warn(
        "lookup: too many authentication failures over loopback: this machine's clients are verified slowly "
          + "now; if they come from a proxy, its listener needs proxy-v2"
      )
    }
    // It counts as under way while it waits, so that haste gains nothing. Counted from its beginning: how
    // long the answer took would tell which users there are.
    let delay = isSuspect ? Limits.delayOfSuspects : Limits.delay
    let rest = max(0, delay - (Clock.rising() - attempt.begun)) + .random(in: 0...Limits.spread)
    context.loop.assumeIsolated().scheduleTask(in: .milliseconds(rest)) { [unowned self] in
      release(attempt)
      tell(attempt, .denied)
    }
  }

  /// Whether it is one of this machine's programs, of which too many failed.
  private func isSuspect(_ attempt: Attempt) -> Bool {
    attempt.source.isOfMachine && failures.isMachineSuspect(at: Clock.rising())
  }

  private func release(_ attempt: Attempt) {
    total -= 1
    let rest = underWay[attempt.client, default: 1] - 1
    underWay[attempt.client] = rest > 0 ? rest : nil
  }

  private func tell(_ attempt: Attempt, _ verdict: AuthenticationQuestion.Verdict) {
    answer(attempt.generation, .authentication(token: attempt.token, verdict))
  }
}
