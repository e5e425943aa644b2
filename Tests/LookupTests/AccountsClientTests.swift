// SPDX-License-Identifier: ISC

import CLinux
import Interprocess
import Mail
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Lookup

/// A client, and the accounts that it asks, which are the test's.
private final class AccountsRig {
  let client: AccountsClient
  /// Set once it is connected.
  private(set) var accounts: Edge<AccountsToLookup, LookupToAccounts>?
  private let loop: any EventLoop
  private let channels: (SupervisorChannel, SupervisorChannel)

  /// A client lives as long as its process, and its loop counts on that.
  private static let immortal = Mutex<[NIOLoopBound<AccountsRig>]>([])

  private init(patience: Int64, on loop: any EventLoop) throws {
    self.loop = loop
    channels = try SupervisorChannel.makePair()
    let context = RoleContext(
      role: .lookup,
      identity: RoleIdentity(root: nil, uid: nil, gid: nil, spool: "", owner: 0),
      loop: loop,
      log: Log(on: loop),
      channel: channels.0
    )
    client = AccountsClient(context, patience: patience)
  }

  /// What the client tells, while `body` is done with it on its loop.
  static func answers(
    patience: Int64,
    _ body: @escaping @Sendable (AccountsRig) -> Void
  ) async throws -> AsyncStream<String> {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let (stream, continuation) = AsyncStream.makeStream(of: String.self)
    try await loop.submit {
      let rig = try AccountsRig(patience: patience, on: loop)
      AccountsRig.immortal.withLock { $0.append(NIOLoopBound(rig, eventLoop: loop)) }
      rig.client.tell = { continuation.yield("\($0)") }
      body(rig)
    }.get()
    return stream
  }

  func connect(_ generation: UInt32, receive: @escaping (LookupToAccounts) -> Void = { _ in }) {
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    precondition(unsafe talaria_stream_pair(&ends) == 0)
    client.connect(generation, ends[0])
    accounts = Edge(
      descriptor: ends[1],
      peer: .lookup,
      on: loop,
      receive: receive,
      ended: { _ in }
    )
  }
}

@Suite("What lookup asks accounts")
struct AccountsClientTests {
  private static let forever: Int64 = 3_600_000

  @Test("what is not answered in time has failed")
  func overdue() async throws {
    let answers = try await AccountsRig.answers(patience: 1) { rig in
      rig.connect(1)
      #expect(rig.client.ask(.user(token: 1, name: "joe")))
      #expect(rig.client.ask(.authenticate(token: 2, name: "joe", source: .local, Secret([1]))))
    }
    var iterator = answers.makeAsyncIterator()
    #expect(await iterator.next() == "\(AccountsToLookup.failed(token: 1))")
    #expect(await iterator.next() == "\(AccountsToLookup.authentication(token: 2, .failed))")
  }

  @Test("an answer counts once, and one that nobody waits for never")
  func once() async throws {
    let answers = try await AccountsRig.answers(patience: Self.forever) { rig in
      rig.connect(1) { question in
        guard question.token == 2 else { return }
        for token: UInt64 in [7, 1, 1, 2] { rig.accounts?.send(.absent(token: token)) }
      }
      #expect(rig.client.ask(.list(token: 1, path: "/list")))
      #expect(rig.client.ask(.user(token: 2, name: "jim")))
    }
    var iterator = answers.makeAsyncIterator()
    #expect(await iterator.next() == "\(AccountsToLookup.absent(token: 1))")
    #expect(await iterator.next() == "\(AccountsToLookup.absent(token: 2))")
  }

  @Test("nobody can be asked before accounts is there, and what the last one was asked has failed")
  func lost() async throws {
    let answers = try await AccountsRig.answers(patience: Self.forever) { rig in
      #expect(!rig.client.ask(.user(token: 1, name: "joe")))
      rig.connect(1)
      #expect(rig.client.ask(.user(token: 2, name: "joe")))
      rig.connect(2) { question in rig.accounts?.send(.absent(token: question.token)) }
      #expect(rig.client.ask(.user(token: 3, name: "joe")))
    }
    var iterator = answers.makeAsyncIterator()
    #expect(await iterator.next() == "\(AccountsToLookup.failed(token: 2))")
    #expect(await iterator.next() == "\(AccountsToLookup.absent(token: 3))")
  }
}
