// SPDX-License-Identifier: ISC

internal import Configuration
internal import Glibc
internal import Interprocess
internal import Mail
internal import NIOCore
internal import NIOPosix
internal import Policy
internal import Supervisor

/// The accounts role: asks the user database and reads users' files, which may block, on threads of its
/// own.
///
/// Files are read in children that have their user's rights, so that no name and no link makes root
/// read what the user could not.
final class AccountsRole: RoleService {
  typealias LookupEdge = Edge<AccountsToLookup, LookupToAccounts>

  /// A name service or a home that hangs for one question does not stop the next ones.
  private enum Limits {
    static let threads = 4
    /// Hashes of passwords are computed on as many.
    static let passwordThreads = 2
  }

  /// A file to be read, and who is told.
  private struct FileWork {
    let user: UInt32
    let read: @Sendable () -> AccountsToLookup
    /// Without a look at it.
    let failure: AccountsToLookup
    let reply: (AccountsToLookup) -> Void
  }

  private let context: RoleContext
  private let names = NIOThreadPool(numberOfThreads: Limits.threads)
  private let files: NIOThreadPool
  private var fileTurns: FileTurns<FileWork>
  /// When a place is taken from a reader that takes long.
  private var nextLook: (at: Int64, task: Scheduled<Void>)?
  private let hashing = NIOThreadPool(numberOfThreads: Limits.passwordThreads)
  private let passwords = ShadowPasswords()
  /// Asks PAM; nil: passwords are those of shadow(5).
  private let verifiers: VerifierDesk?
  private var edges: [UInt32: LookupEdge] = [:]

  init(_ context: RoleContext, _ projection: AccountsProjection) {
    self.context = context
    let limits = FileTurns<FileWork>.Limits()
    fileTurns = FileTurns(limits)
    files = NIOThreadPool(numberOfThreads: limits.readersInAll)
    verifiers = projection.passwords == .pam ? VerifierDesk(context) : nil
    names.start()
    files.start()
    hashing.start()
    context.tell(.ready)
  }

  func connect(to peer: Role, generation: UInt32, descriptor: CInt) {
    edges[generation] = LookupEdge(
      descriptor: descriptor,
      peer: peer,
      on: context.loop,
      receive: { [unowned self] question in answer(question, generation) },
      ended: { [unowned self] ending in
        context.report(ending, of: peer)
        edges[generation] = nil
      }
    )
  }

  func received(_ message: SupervisorToRole, descriptors: [CInt]) {
    switch message {
    case .verifier(let token) where descriptors.count == 1 && verifiers != nil:
      verifiers?.started(token, Descriptor(owning: descriptors[0]))
      return
    case .verifierRefused(let token, let reason): verifiers?.refused(token, reason)
    case .resolve(let token, let user): resolve(token, user)
    default: break
    }
    for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
  }

  private func resolve(_ token: UInt64, _ user: String) {
    work(on: names) {
      UserDatabase.user(named: user)
    } then: { [context] answer in
      switch answer {
      case .found(let account):
        context.tell(
          .resolved(token: token, uid: account.uid, gid: account.gid, home: account.home)
        )
      case .absent: context.tell(.unresolved(token: token, reason: "there is no user \(user)"))
      case .failed:
        context.tell(.unresolved(token: token, reason: "the user database could not be asked"))
      }
    }
  }

  func stop(within milliseconds: UInt32, finished: @escaping () -> Void) { finished() }

  private func answer(_ question: LookupToAccounts, _ generation: UInt32) {
    let reply: (AccountsToLookup) -> Void = { [unowned self] in edges[generation]?.send($0) }
    switch question {
    case .user(let token, let name):
      work(on: names) {
        UserDatabase.user(named: name)
      } then: {
        reply(AccountsRole.found($0, token, .none))
      }
    case .userAndForward(let token, let name):
      work(on: names) {
        UserDatabase.user(named: name)
      } then: { [unowned self] answer in
        guard case .found(let account) = answer else {
          return reply(AccountsRole.found(answer, token, .none))
        }
        read(of: account.uid, failure: AccountsRole.found(answer, token, .failed), reply) {
          let file = AccountsRole.forward(uid: account.uid, gid: account.gid, home: account.home)
          return AccountsRole.found(answer, token, file)
        }
      }
    case .forward(let token, let uid, let gid, let home):
      read(of: uid, failure: .forward(token: token, .failed), reply) {
        .forward(token: token, AccountsRole.forward(uid: uid, gid: gid, home: home))
      }
    case .list(let token, let path): list(path, token, reply)
    case .authenticate(let token, let name, let source, let password):
      authenticate(password, of: name, from: source) { reply(.authentication(token: token, $0)) }
    }
  }

  private func authenticate(
    _ password: Secret,
    of name: String,
    from source: SourceAddress,
    then tell: @escaping VerifierDesk.Answer
  ) {
    if let verifiers {
      return verifiers.verify(password, of: name, from: source, answer: tell)
    }
    work(on: hashing) { [passwords] in
      passwords.verdict(on: password, of: name)
    } then: { [context] verdict in
      if verdict == .failed {
        context.log.warn("accounts: the passwords of the system cannot be read")
      }
      tell(verdict)
    }
  }

  private func work<Answer: Sendable>(
    on pool: NIOThreadPool,
    _ body: @escaping @Sendable () -> Answer,
    then tell: @escaping (Answer) -> Void
  ) {
    let done = NIOLoopBound(tell, eventLoop: context.loop)
    let loop = context.loop
    pool.submit { _ in
      let answer = body()
      loop.execute { done.value(answer) }
    }
  }

  /// Reads a file in its turn; of whoever's process reads it.
  private func read(
    of user: UInt32,
    failure: AccountsToLookup,
    _ reply: @escaping (AccountsToLookup) -> Void,
    _ read: @escaping @Sendable () -> AccountsToLookup
  ) {
    let work = FileWork(user: user, read: read, failure: failure, reply: reply)
    go(fileTurns.asked(work, of: user, at: Clock.rising()))
  }

  private func go(_ steps: [FileTurns<FileWork>.Step]) {
    for step in steps {
      switch step {
      case .refuse(let refused): refused.reply(refused.failure)
      case .read(let begun, let reader):
        work(on: files, begun.read) { [unowned self] answer in
          begun.reply(answer)
          go(fileTurns.done(reader, at: Clock.rising()))
        }
      }
    }
    expectLook()
  }

  private func expectLook() {
    let due = fileTurns.nextLook
    guard due != nextLook?.at else { return }
    nextLook?.task.cancel()
    nextLook = due.map { due in
      let look = NIOLoopBound(
        { [unowned self] in
          nextLook = nil
          go(fileTurns.looked(at: Clock.rising()))
        },
        eventLoop: context.loop
      )
      let delay = TimeAmount.milliseconds(max(1, due - Clock.rising()))
      return (due, context.loop.scheduleTask(in: delay) { look.value() })
    }
  }

  private static func found(
    _ answer: UserDatabase.Answer,
    _ token: UInt64,
    _ file: ForwardFile
  ) -> AccountsToLookup {
    switch answer {
    case .found(let account):
      .found(
        token: token,
        uid: account.uid,
        gid: account.gid,
        home: account.home,
        file
      )
    case .absent: .absent(token: token)
    case .failed: .failed(token: token)
    }
  }

  private static func forward(uid: UInt32, gid: UInt32, home: String) -> ForwardFile {
    if uid == geteuid() { return UserFiles.forward(home: home, owner: uid, as: .ourselves) }
    // Whoever started us can deliver to nobody else anyway, which delivery says.
    guard geteuid() == 0 else { return .none }
    return UserFiles.forward(home: home, owner: uid, as: .user(uid: uid, gid: gid))
  }

  private func list(
    _ path: String,
    _ token: UInt64,
    _ reply: @escaping (AccountsToLookup) -> Void
  ) {
    guard geteuid() == 0 else {
      return read(of: geteuid(), failure: .failed(token: token), reply) {
        AccountsRole.list(path, token, .ourselves)
      }
    }
    work(on: names) {
      UserDatabase.user(named: LocalDelivery.aliasUser)
    } then: { [unowned self] answer in
      guard case .found(let account) = answer else { return reply(.failed(token: token)) }
      read(of: account.uid, failure: .failed(token: token), reply) {
        AccountsRole.list(path, token, .user(uid: account.uid, gid: account.gid))
      }
    }
  }

  private static func list(
    _ path: String,
    _ token: UInt64,
    _ reader: UserFiles.Reader
  ) -> AccountsToLookup {
    switch UserFiles.list(path, atMost: EdgeLimits.list, as: reader) {
    case .content(let bytes, let owner):
      return .list(
        token: token,
        bytes,
        isOfAdministrator: owner == 0 || owner == geteuid()
      )
    case .refused: return .listRefused(token: token)
    case .failed: return .failed(token: token)
    }
  }
}
