// SPDX-License-Identifier: ISC

import Configuration
import ControlProtocol
import Interprocess
import Mail
import MemoryStore
import NIOCore
import NIOPosix
import Queue
import Spooler
import Synchronization
import Testing

typealias FrontendPeer = Peer<FrontendToQueue, QueueToFrontend>
typealias LookupPeer = Peer<LookupToQueue, QueueToLookup>
typealias ControlPeer = Peer<ControlToRole, RoleToControl>
typealias DeliveryPeer = Peer<DeliveryToQueue, QueueToDelivery>

/// A queue over a store in memory, whose neighbours are the test's.
final class QueueRig: Sendable {
  static let address = Address(local: "u", domain: "example.org")
  static let sender = Address(local: "s", domain: "example.com")

  let loop: any EventLoop
  private let service: NIOLoopBound<QueueService>
  private let channels: (SupervisorChannel, SupervisorChannel)
  private let generation = Mutex<UInt32>(0)
  private let failing: FailureSwitch

  /// A service lives as long as its process, and its loops count on that.
  private static let immortal = Mutex<[QueueRig]>([])

  /// What every change of the store ends with.
  private final class FailureSwitch: Sendable {
    let error = Mutex<StoreError?>(nil)
    let attempts = Mutex(0)
  }

  /// - Parameter stuck: mail that is in the store from the start, whose reading never ends; nil for an
  ///   empty store that is ready.
  init(stuckWith stuck: [NewMessage]? = nil) async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    self.loop = loop
    let channels = try SupervisorChannel.makePair()
    self.channels = channels
    let failing = FailureSwitch()
    self.failing = failing
    service = try await loop.submit {
      let context = RoleContext(
        role: .queue,
        identity: RoleIdentity(root: nil, uid: nil, gid: nil, spool: "", owner: 0),
        loop: loop,
        log: Log(on: loop),
        channel: channels.0
      )
      let queue = QueueService(
        context: context,
        projection: QueueRig.projection(),
        disk: nil,
        stage: nil,
        seed: 1
      ) { () throws(StoreError) in
        if let stuck { return StuckStore(holding: stuck) }
        let store = MemoryStore()
        store.failure = { _ in
          failing.attempts.withLock { $0 += 1 }
          return failing.error.withLock { $0 }
        }
        return store
      }
      return NIOLoopBound(queue, eventLoop: loop)
    }.get()
    QueueRig.immortal.withLock { $0.append(self) }
  }

  private static func projection() -> QueueProjection {
    var configuration = ServerConfiguration(facts: HostFacts(hostName: "mail.example.org"))
    configuration.backend = .memory
    var projection = QueueProjection(configuration)
    projection.actions = [QueueProjection.Action(name: "out", kind: .relay)]
    return projection
  }

  static let broken = StoreError.failed(
    operation: "sync",
    path: "ram",
    errno: 5,
    explanation: "injected"
  )

  /// From now on every change fails so; nil: none does.
  func fail(_ error: StoreError?) { failing.error.withLock { $0 = error } }

  /// Changes that the store was asked for.
  var attempts: Int { failing.attempts.withLock { $0 } }

  private func connect(_ role: Role) async throws -> CInt {
    let (ours, theirs) = socketPair()
    let number = generation.withLock { generation in
      generation += 1
      return generation
    }
    try await loop.submit { [service] in
      service.value.connect(to: role, generation: number, descriptor: ours)
    }.get()
    return theirs
  }

  func frontend() async throws -> FrontendPeer {
    let peer = try await FrontendPeer(.queue, connect(.frontend), on: loop)
    try await peer.send(.reconcile([]))
    return peer
  }

  func lookup() async throws -> LookupPeer {
    try await LookupPeer(.queue, connect(.lookup), on: loop)
  }

  func control() async throws -> ControlPeer {
    try await ControlPeer(.queue, connect(.control), on: loop)
  }

  func delivery(inHand: [EnvelopeID] = []) async throws -> DeliveryPeer {
    let peer = try await DeliveryPeer(.queue, connect(.delivery), on: loop)
    try await peer.send(.reconcile(inHand: inHand))
    return peer
  }

  static func envelope(_ message: MessageID, _ low: UInt32 = 1) throws -> Envelope {
    Envelope(
      id: try #require(EnvelopeID(message: message, low: low)),
      kind: .relay,
      action: "out",
      recipient: address,
      destination: address,
      created: Clock.now()
    )
  }

  static func message(_ id: MessageID, size: Int) -> Message {
    Message(
      id: id,
      sender: sender,
      created: Clock.now(),
      size: size,
      session: SessionFacts(
        id: SessionID(1),
        source: .local,
        serverName: "mail.example.org",
        helo: "me",
        hostname: "localhost"
      )
    )
  }
}
