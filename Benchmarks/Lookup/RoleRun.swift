// SPDX-License-Identifier: ISC

import CLinux
import Configuration
import Glibc
import Interprocess
import Lookup
import Mail
import NIOCore
import NIOPosix

/// The lookup role as it runs, on a thread of its own: questions come from a frontend's end of an edge, the
/// envelopes go to a queue's end, and the verdicts back.
struct RoleRun {
  private enum Load {
    /// Sessions that have one question under way each.
    static let sessions = 1000
    /// Where they come from.
    static let clients: UInt32 = 500
  }

  private let projection: LookupProjection
  private let subjects: [Address]

  /// What a run took.
  struct Times {
    /// Of the role's thread, in seconds of the processor: what one core of its own would take.
    let role: Double
    /// From the first question to the last verdict, in seconds, with the other two ends beside it.
    let all: Double
  }

  /// - Parameter subjects: the recipients, which are asked for in turn; each is accepted.
  init(_ projection: LookupProjection, _ subjects: [Address]) {
    self.projection = projection
    self.subjects = subjects
  }

  /// Lets so many recipients be decided.
  func decide(_ total: Int) throws -> Times {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let (loop, other) = (group.next(), group.next())
    let (queue, farQueue) = RoleRun.ends()
    let (frontend, farFrontend) = RoleRun.ends()
    let (channel, _) = try SupervisorChannel.makePair()
    let role = try loop.submit { [projection] in
      let context = RoleContext(
        role: .lookup,
        identity: RoleIdentity(root: nil, uid: nil, gid: nil, spool: "", owner: 0),
        loop: loop,
        log: Log(on: loop),
        channel: channel
      )
      let service = LookupService(context: context, projection: projection)
      service.connect(to: .queue, generation: 1, descriptor: queue)
      service.connect(to: .frontend, generation: 1, descriptor: frontend)
      return NIOLoopBound(service, eventLoop: loop)
    }.wait()
    let finished = other.makePromise(of: Void.self)
    let clock = ContinuousClock()
    let before = try loop.submit { RoleRun.processorTime() }.wait()
    let began = clock.now
    let asked = try other.submit { [subjects] in
      let clients = Clients(subjects, total, on: other, finished)
      clients.begin(frontend: farFrontend, queue: farQueue)
      return NIOLoopBound(clients, eventLoop: other)
    }.wait()
    try finished.futureResult.wait()
    let all = began.duration(to: clock.now)
    let after = try loop.submit { RoleRun.processorTime() }.wait()
    try other.submit { asked.value.end() }.wait()
    try group.syncShutdownGracefully()
    // Their edges end with the loops, and tell them.
    withExtendedLifetime((role, asked)) {}
    return Times(role: after - before, all: all / .seconds(1))
  }

  private static func ends() -> (CInt, CInt) {
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    precondition(unsafe talaria_stream_pair(&ends) == 0)
    return (ends[0], ends[1])
  }

  /// What the calling thread has used, in seconds.
  private static func processorTime() -> Double {
    var time = timespec()
    // The structure is written during the call only.
    precondition(unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The sessions of a frontend, and the queue that their envelopes go to.
  private final class Clients {
    private let subjects: [Address]
    private let total: Int
    private let loop: any EventLoop
    private let finished: EventLoopPromise<Void>
    private var frontend: Edge<FrontendToLookup, LookupToFrontend>?
    private var queue: Edge<QueueToLookup, LookupToQueue>?
    private var asked = 0
    private var accepted = 0
    private var envelopes = 0

    init(
      _ subjects: [Address],
      _ total: Int,
      on loop: any EventLoop,
      _ finished: EventLoopPromise<Void>
    ) {
      self.subjects = subjects
      self.total = total
      self.loop = loop
      self.finished = finished
    }

    func begin(frontend: CInt, queue: CInt) {
      self.queue = Edge(
        descriptor: queue,
        peer: .lookup,
        on: loop,
        receive: { [unowned self] message in
          guard case .envelopes(let some) = message else { preconditionFailure("\(message)") }
          envelopes += some.count
          if envelopes == total { conclude() }
        },
        ended: { preconditionFailure("the queue's edge ended: \($0)") }
      )
      self.frontend = Edge(
        descriptor: frontend,
        peer: .lookup,
        on: loop,
        receive: { [unowned self] message in
          guard case .accepted(let token, _, _, _) = message else {
            preconditionFailure("\(message)")
          }
          accepted += 1
          if asked < total { ask(session: token) }
          if accepted == total { conclude() }
        },
        ended: { preconditionFailure("the frontend's edge ended: \($0)") }
      )
      for session in 0..<min(Load.sessions, total) { ask(session: UInt64(session)) }
    }

    func end() {
      frontend?.close()
      queue?.close()
    }

    private func conclude() {
      guard accepted == total, envelopes == total else { return }
      finished.succeed()
    }

    private func ask(session: UInt64) {
      asked += 1
      let facts = SessionFacts(
        id: SessionID(session + 1),
        source: .inet4(0x0a00_0000 + UInt32(session) % Load.clients),
        serverName: "mx.example",
        helo: "client.example",
        hostname: "client.example"
      )
      guard let id = MessageID(UInt32(asked)) else { preconditionFailure("no message") }
      let message = Message(
        id: id,
        sender: Address(local: "a", domain: "b.example"),
        created: Clock.now(),
        size: 0,
        session: facts
      )
      frontend?.send(
        .recipient(
          RecipientQuestion(
            token: session,
            message: message,
            index: 0,
            room: 1000,
            taken: 0,
            recipient: subjects[asked % subjects.count],
            notify: [],
            originalRecipient: nil
          )
        )
      )
    }
  }
}
