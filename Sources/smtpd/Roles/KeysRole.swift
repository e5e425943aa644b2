// SPDX-License-Identifier: ISC

internal import ControlProtocol
internal import Glibc
internal import Interprocess
internal import KeysEdge
internal import NIOCore
internal import NIOPosix
internal import TLS

/// The keys role: the only process that has private keys. It signs what frontend and delivery ask for.
///
/// Keys come as open files beside the certificates that they belong to. What becomes of a renewal, and which
/// keys stay besides for handshakes that began with other certificates, is said by `HeldKeys`.
final class KeysRole: RoleService {
  private typealias ClientEdge = Edge<FromKeys, ToKeys>

  private enum Limits {
    /// Signatures that are made at a time, at most.
    static let threads = 4
    /// How long a key of session tickets issues new ones, in seconds.
    static let ticketLife: Int64 = 3600
    /// Ticket keys that are taken besides.
    static let oldTicketKeys = 3
  }

  private let context: RoleContext
  private let pool: NIOThreadPool
  private var edges: [UInt32: ClientEdge] = [:]
  private let keys: HeldKeys<PrivateKey>
  private var ticketKeys: [[UInt8]] = []
  /// Of the `pki` lines.
  private var names: [String] = []
  private var control: Edge<RoleToControl, ControlToRole>?
  /// Requests of operators, by the tokens of the renewals that were asked for them: each waits for its own,
  /// for which the files are read after it came.
  private var waiting: [UInt64: UInt32] = [:]
  private var lastToken: UInt64 = 0
  /// A renewal whose key files have not all come.
  private var incoming: KeyRenewal?

  init(_ context: RoleContext) {
    self.context = context
    keys = HeldKeys(on: context.loop)
    pool = NIOThreadPool(numberOfThreads: min(Limits.threads, max(1, System.coreCount)))
    pool.start()
    rotate()
    context.tell(.ready)
  }

  // MARK: Supervisor

  func connect(to peer: Role, generation: UInt32, descriptor: CInt) {
    guard peer != .control else { return connectControl(descriptor) }
    let edge = ClientEdge(
      descriptor: descriptor,
      peer: peer,
      on: context.loop,
      receive: { [unowned self] message in
        switch message {
        case .sign(let token, let question): sign(question, token, for: generation, of: peer)
        case .shows(let generation): keys.shows(generation, peer)
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: peer)
        edges[generation] = nil
      }
    )
    edges[generation] = edge
    if peer == .frontend { edge.send(.ticketKeys(ticketKeys)) }
  }

  func received(_ message: SupervisorToRole, descriptors: [CInt]) {
    switch message {
    case .certificates where (1...2).contains(descriptors.count):
      begin(KeyRenewal(descriptors[0], passphrases(descriptors)))
    case .certificatesOfOne(let place, let token) where (1...2).contains(descriptors.count):
      let passphrases = passphrases(descriptors)
      begin(KeyRenewal(descriptors[0], passphrases, only: Int(place), token: token), token)
    case .keyFiles:
      for descriptor in descriptors {
        let file = Descriptor(owning: descriptor)
        incoming?.take(file.borrow())
      }
      finishIfComplete()
    case .certificatesUnreadable(let token, let reason):
      answer(token, .failure("nothing is renewed: \(reason)"))
    default:
      for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
    }
  }

  func stop(within milliseconds: UInt32, finished: @escaping () -> Void) { finished() }

  // MARK: Keys

  /// Those that came beside certificates. They are here until the renewal is complete.
  private func passphrases(_ descriptors: [CInt]) -> Passphrases {
    Passphrases(renewingWith: descriptors.dropFirst().first)
  }

  private func begin(_ renewal: KeyRenewal?, _ token: UInt64 = 0) {
    guard let renewal else {
      answer(token, .failure("nothing is renewed: the certificates cannot be read"))
      return context.log.warn("keys: certificates from nowhere")
    }
    incoming = renewal
    finishIfComplete()
  }

  private func finishIfComplete() {
    guard let renewal = incoming, renewal.isComplete else { return }
    incoming = nil
    names = renewal.names
    conclude(renewal, keys.take(renewal.outcome, renewal.keys))
  }

  private func conclude(_ renewal: KeyRenewal, _ verdict: KeysReport.Verdict) {
    let report = renewal.report(verdict)
    context.tell(.keysChecked(report))
    let answer =
      report.faults.isEmpty
      ? ControlResponse.done
      : .failure("nothing is renewed: \(report.lines.joined(separator: "; "))")
    self.answer(renewal.token, answer)
  }

  // MARK: Operators

  private func connectControl(_ descriptor: CInt) {
    waiting = [:]
    control = Edge(
      descriptor: descriptor,
      peer: .control,
      on: context.loop,
      receive: { [unowned self] message in
        guard case .updateCertificates(let name) = message.request else {
          let answer = context.commonAnswer(to: message.request)
          control?.send(RoleToControl(id: message.id, answer ?? .failure("no question for keys")))
          return
        }
        // Before the first renewal the names are the supervisor's to know.
        guard names.isEmpty || names.contains(name) else {
          control?.send(RoleToControl(id: message.id, .failure("there is no pki \(name)")))
          return
        }
        lastToken += 1
        waiting[lastToken] = message.id
        context.tell(.updateCertificates(token: lastToken, name: name))
      },
      ended: { [unowned self] ending in context.report(ending, of: .control) }
    )
  }

  /// Nobody waits for a renewal that no operator asked for.
  private func answer(_ token: UInt64, _ answer: ControlResponse) {
    guard let id = waiting.removeValue(forKey: token) else { return }
    control?.send(RoleToControl(id: id, answer))
  }

  private func sign(
    _ question: SignatureQuestion,
    _ token: UInt64,
    for generation: UInt32,
    of peer: Role
  ) {
    guard let name = KeyName(question.key), let key = keys[name],
      let algorithm = SigningRequest.Algorithm(rawValue: question.algorithm)
    else {
      edges[generation]?.send(.refused(token: token))
      return
    }
    guard keys.users(of: name).permits(peer) else {
      context.log.warn("keys: \(peer.rawValue) asked for a key that it does not show")
      edges[generation]?.send(.refused(token: token))
      return
    }
    let request = SigningRequest(key: name, algorithm: algorithm, input: question.input)
    let done = NIOLoopBound(self, eventLoop: context.loop)
    let loop = context.loop
    pool.submit { _ in
      let signature = key.sign(request)
      loop.execute {
        let answer = signature.map { FromKeys.signed(token: token, $0) } ?? .refused(token: token)
        done.value.edges[generation]?.send(answer)
      }
    }
  }

  // MARK: Tickets

  /// New session tickets get a new key; the ones before it are taken for a while.
  private func rotate() {
    if let key = TLSContext.makeTicketKey() {
      ticketKeys = [key] + ticketKeys.prefix(Limits.oldTicketKeys)
    }
    for edge in edges.values where edge.peer == .frontend { edge.send(.ticketKeys(ticketKeys)) }
    context.loop.assumeIsolated().scheduleTask(in: .seconds(Limits.ticketLife)) { [unowned self] in
      rotate()
    }
  }
}
