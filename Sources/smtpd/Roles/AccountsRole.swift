// SPDX-License-Identifier: ISC

internal import Glibc
internal import Interprocess
internal import Mail
internal import NIOCore
internal import NIOPosix
internal import Supervisor

/// The accounts role: asks the user database, which may block, on threads of its own.
///
/// Two threads, so that a name service that hangs for one question does not stop the next one.
final class AccountsRole: RoleService {
  typealias LookupEdge = Edge<AccountsToLookup, LookupToAccounts>

  private let context: RoleContext
  private let pool = NIOThreadPool(numberOfThreads: 2)
  private var edges: [UInt32: LookupEdge] = [:]

  init(_ context: RoleContext) {
    self.context = context
    pool.start()
    context.tell(.ready)
  }

  func connect(to peer: Role, generation: UInt32, descriptor: CInt) {
    edges[generation] = LookupEdge(
      descriptor: descriptor,
      peer: peer,
      on: context.loop,
      receive: { [unowned self] question in
        guard case .user(let token, let name) = question else { return }
        find(name) { [unowned self] answer in
          let reply: AccountsToLookup =
            switch answer {
            case .found(let account):
              .found(token: token, uid: account.uid, gid: account.gid, home: account.home)
            case .absent: .absent(token: token)
            case .failed: .failed(token: token)
            }
          edges[generation]?.send(reply)
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: peer)
        edges[generation] = nil
      }
    )
  }

  func received(_ message: SupervisorToRole, descriptors: [CInt]) {
    for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
    guard case .resolve(let token, let user) = message else { return }
    find(user) { [context] answer in
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

  private func find(_ name: String, _ tell: @escaping (UserDatabase.Answer) -> Void) {
    let done = NIOLoopBound(tell, eventLoop: context.loop)
    let loop = context.loop
    pool.submit { _ in
      let answer = UserDatabase.user(named: name)
      loop.execute { done.value(answer) }
    }
  }
}
