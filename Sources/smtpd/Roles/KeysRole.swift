// SPDX-License-Identifier: ISC

internal import ControlProtocol
internal import Glibc
internal import Interprocess
internal import Mail
internal import NIOCore
internal import NIOPosix
internal import TLS

/// The keys role: the only process that has private keys. It signs what frontend and delivery ask for.
///
/// Keys come as open files beside the certificates that they belong to. A renewal is taken as a whole, when
/// every key fits its certificate, or not at all, but for a role that has none or lacks some; one of a single
/// certificate leaves the others their keys. The keys before it stay for the handshakes that began with the old certificates.
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
  private var keys: [KeyName: PrivateKey] = [:]
  private var formerKeys: [KeyName: PrivateKey] = [:]
  /// Which of them came last for each of the certificates, by its place.
  private var places: [Int: KeyName] = [:]
  /// What was broken of the renewal that was taken last, by its places: their certificates are those from
  /// before, of which the keys may be lost.
  private var lacking: Set<UInt16> = []
  /// Who may have a key sign; of a former one whoever could.
  private var users: [KeyName: CertificatePackage.Users] = [:]
  private var ticketKeys: [[UInt8]] = []
  /// Of the `pki` lines.
  private var names: [String] = []
  private var control: Edge<RoleToControl, ControlToRole>?
  /// Operators who wait for a renewal.
  private var waiting: [UInt32] = []
  /// A renewal whose key files have not all come.
  private var incoming: KeyRenewal?

  init(_ context: RoleContext) {
    self.context = context
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
        guard case .sign(let token, let question) = message else { return }
        sign(question, token, for: generation, of: peer)
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
    case .certificates where descriptors.count == 1: begin(KeyRenewal(descriptors[0]))
    case .certificatesOfOne(let place) where descriptors.count == 1:
      begin(KeyRenewal(descriptors[0], only: Int(place)))
    case .keyFiles:
      for descriptor in descriptors {
        let file = Descriptor(owning: descriptor)
        incoming?.take(file.borrow())
      }
      finishIfComplete()
    case .certificatesUnreadable(let reason):
      answerOperators(.failure("nothing is renewed: \(reason)"))
    default:
      for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
    }
  }

  func stop(within milliseconds: UInt32, finished: @escaping () -> Void) { finished() }

  // MARK: Keys

  private func begin(_ renewal: KeyRenewal?) {
    guard let renewal else {
      return context.log.warn("keys: certificates from nowhere")
    }
    incoming = renewal
    finishIfComplete()
  }

  private func finishIfComplete() {
    guard let renewal = incoming, renewal.isComplete else { return }
    incoming = nil
    names = renewal.names
    let broken = Set(renewal.broken)
    if let place = renewal.only {
      guard broken.isEmpty else { return conclude(renewal, .refused) }
      exchange(renewal, at: place)
      return conclude(renewal, .taken)
    }
    if broken.isEmpty || (keys.isEmpty && !renewal.keys.isEmpty) {
      // A role that has none takes what can be used: some sessions are better than no session.
      formerKeys = keys
      users = users.filter { formerKeys[$0.key] != nil }.merging(renewal.users) { $1 }
      keys = renewal.keys
      places = renewal.places
    } else if broken.isStrictSubset(of: lacking) {
      // It mends something and breaks nothing. What stays broken has the keys that there are for it.
      users.merge(renewal.users) { $0.union($1) }
      keys.merge(renewal.keys) { $1 }
      places.merge(renewal.places) { $1 }
    } else {
      return conclude(renewal, .refused)
    }
    lacking = broken
    conclude(renewal, .taken)
  }

  /// Takes one key in the place of another; all other certificates keep theirs.
  private func exchange(_ renewal: KeyRenewal, at place: Int) {
    formerKeys = keys
    let before = places[place]
    users.merge(renewal.users) { $0.union($1) }
    keys.merge(renewal.keys) { $1 }
    places.merge(renewal.places) { $1 }
    if let before, !places.values.contains(before) { keys[before] = nil }
    lacking.remove(UInt16(place))
  }

  private func conclude(_ renewal: KeyRenewal, _ verdict: KeysReport.Verdict) {
    let report = renewal.report(verdict)
    context.tell(.keysChecked(report))
    guard !report.faults.isEmpty else { return answerOperators(.done) }
    let outcome = verdict == .taken ? "renewed, but for" : "nothing is renewed:"
    answerOperators(.failure("\(outcome) \(report.lines.joined(separator: "; "))"))
  }

  // MARK: Operators

  private func connectControl(_ descriptor: CInt) {
    waiting = []
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
        guard names.contains(name) else {
          control?.send(RoleToControl(id: message.id, .failure("there is no pki \(name)")))
          return
        }
        waiting.append(message.id)
        context.tell(.updateCertificates(name: name))
      },
      ended: { [unowned self] ending in context.report(ending, of: .control) }
    )
  }

  private func answerOperators(_ answer: ControlResponse) {
    for id in waiting { control?.send(RoleToControl(id: id, answer)) }
    waiting = []
  }

  private func sign(
    _ question: SignatureQuestion,
    _ token: UInt64,
    for generation: UInt32,
    of peer: Role
  ) {
    guard let name = KeyName(question.key), let key = keys[name] ?? formerKeys[name],
      let algorithm = SigningRequest.Algorithm(rawValue: question.algorithm)
    else {
      edges[generation]?.send(.refused(token: token))
      return
    }
    guard users[name]?.permits(peer) == true else {
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
