// SPDX-License-Identifier: ISC

import Configuration
import ControlProtocol
import Disk
import Interprocess
import Mail
import MemoryStore
import NIOCore
import NIOPosix
import Queue
import Spooler
import StoreFactory
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
    /// The next change is carried out, and ends with it all the same.
    let lateError = Mutex<StoreError?>(nil)
    /// What opening again ends with.
    let reopenError = Mutex<StoreError?>(nil)
    /// Where opening again finds no room as long as there is a reserve.
    let fullDisk = Mutex<MemoryDisk?>(nil)
    let attempts = Mutex(0)
    /// The mail that was there from the start cannot be read.
    let isStuck = Mutex(false)
    /// No envelope of it can be read by its number.
    let isHeld = Mutex(false)
    /// Put into the store by somebody else before the next change.
    let foreign = Mutex<[NewMessage]>([])
    let settings = Mutex<[String: [UInt8]]>([:])
    let messages = Mutex<[MessageID: Message]>([:])

    private static func take<Value: Sendable>(
      _ mutex: borrowing Mutex<Value>,
      leaving value: Value
    ) -> Value {
      mutex.withLock { held in
        defer { held = value }
        return held
      }
    }

    /// Before each change of `store`: what it is to fail with.
    func before(_ changes: [Change], _ store: MemoryStore) -> StoreError? {
      attempts.withLock { $0 += 1 }
      store.failure = nil
      defer { store.failure = { [unowned self, unowned store] in before($0, store) } }
      for new in FailureSwitch.take(foreign, leaving: []) { try? store.apply([.insert(new)]) }
      for (name, value) in FailureSwitch.take(settings, leaving: [:]) {
        try? store.apply([.set(name, value)])
      }
      if let late = FailureSwitch.take(lateError, leaving: nil) {
        try? store.apply(changes)
        return late
      }
      let found = (try? store.page(after: nil, limit: 10_000))?.envelopes ?? []
      messages.withLock { messages in
        messages = [:]
        for stored in found { messages[stored.message.id] = stored.message }
      }
      return error.withLock { $0 }
    }
  }

  /// - Parameters:
  ///   - mail: mail that is in the store from the start; nil for an empty store that can fail.
  ///   - isStuck: whether the reading of that mail does not end before `letGo`.
  ///   - disk: whose room is watched.
  ///   - backend: what the store is: one of that disk, unless in memory.
  ///   - openError: what opening the store fails with, each time that it is tried.
  init(
    holding mail: [NewMessage]? = nil,
    isStuck: Bool = false,
    on disk: MemoryDisk? = nil,
    backend: QueueBackend = .memory,
    openError: @escaping @Sendable () -> StoreError? = { nil }
  ) async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    self.loop = loop
    let channels = try SupervisorChannel.makePair()
    self.channels = channels
    let failing = FailureSwitch()
    failing.isStuck.withLock { $0 = isStuck }
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
        projection: QueueRig.projection(backend),
        disk: disk,
        stage: nil,
        seed: 1,
        settleBackend: { () throws(StoreError) in
          if let disk, backend != .memory { try BackendChoice.settle(backend, on: disk) }
        }
      ) { () throws(StoreError) in
        if let error = openError() { throw error }
        if let disk, backend != .memory { return StoreFactory.store(backend, on: disk) }
        if let mail {
          return StuckStore(holding: mail) {
            failing.isStuck.withLock { $0 }
          } isHeld: {
            failing.isHeld.withLock { $0 }
          }
        }
        let store = MemoryStore()
        store.failure = { [unowned store] in failing.before($0, store) }
        store.reopenFailure = {
          let disk = failing.fullDisk.withLock { $0 }
          if disk?.files()[SpaceReserve.name] != nil { return .full(path: "ram") }
          return failing.reopenError.withLock { $0 }
        }
        return store
      }
      return NIOLoopBound(queue, eventLoop: loop)
    }.get()
    QueueRig.immortal.withLock { $0.append(self) }
  }

  private static func projection(_ backend: QueueBackend) -> QueueProjection {
    var configuration = ServerConfiguration(facts: HostFacts(hostName: "mail.example.org"))
    configuration.backend = backend
    var projection = QueueProjection(configuration)
    projection.actions = [
      QueueProjection.Action(name: "out", kind: .relay),
      QueueProjection.Action(name: "in", kind: .local),
    ]
    return projection
  }

  static let broken = StoreError.failed(
    operation: "sync",
    path: "ram",
    errno: 5,
    explanation: "injected"
  )

  /// Lets the reading of the mail go on, within a second.
  func letGo() { failing.isStuck.withLock { $0 = false } }

  /// Holds the reading of single envelopes, or lets it go on.
  func hold(_ isHeld: Bool) { failing.isHeld.withLock { $0 = isHeld } }

  /// From now on every change fails so; nil: none does.
  func fail(_ error: StoreError?) { failing.error.withLock { $0 = error } }

  /// From now on opening again fails so; nil: it does not.
  func failReopening(_ error: StoreError?) { failing.reopenError.withLock { $0 = error } }

  /// From now on there is no room for opening again, but what the reserve of `disk` has.
  func fill(_ disk: MemoryDisk) {
    disk.reportedSpace.bytesAvailable = 0
    failing.fullDisk.withLock { $0 = disk }
  }

  /// The next change is carried out and seems to have failed so.
  func failLate(_ error: StoreError) { failing.lateError.withLock { $0 = error } }

  /// Somebody else puts it into the store, before the next change.
  func put(_ new: NewMessage) { failing.foreign.withLock { $0.append(new) } }

  /// Somebody else sets it in the store, before the next change.
  func set(_ name: String, _ value: [UInt8]) { failing.settings.withLock { $0[name] = value } }

  /// What the store had before the last change.
  var messages: [MessageID: Message] { failing.messages.withLock { $0 } }

  /// Waits until the role says that going on is senseless. Returns what it says.
  func impossible() async throws -> String {
    while true {
      guard let (bytes, _) = try channels.1.receive(.immediate) else {
        await _Concurrency.Task.yield()
        continue
      }
      var reader = ByteReader(bytes)
      if case .impossible(let text) = try RoleToSupervisor(decoding: &reader) { return text }
    }
  }

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

  func delivery(inHand: [UInt64: [EnvelopeID]] = [:]) async throws -> DeliveryPeer {
    let peer = try await DeliveryPeer(.queue, connect(.delivery), on: loop)
    for (task, envelopes) in inHand { try await peer.send(.inHand(task: task, envelopes)) }
    try await peer.send(.reconcile)
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

  /// Of the one envelope that `envelope` makes.
  static func tally(_ message: MessageID) throws -> EnvelopeTally {
    var tally = EnvelopeTally()
    tally.add(try #require(EnvelopeID(message: message, low: 1)))
    return tally
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
