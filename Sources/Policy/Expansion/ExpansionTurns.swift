// SPDX-License-Identifier: ISC

package import Mail

/// Whose turn it is among the expansions that wait to begin or are under way.
///
///     waiting ──next: begin──▶ idle ──wake──▶ ready ──next: goOn──▶ idle
///                               └──hasMore──▶ ready, or parked until there is room
///
/// Clients take turns, and within a client its sessions. What a session has begun goes before what it has
/// not, which begins in the order in which it came. Pure: told what came and what it cost, says what is
/// next. An expansion is known by its number.
package struct ExpansionTurns: Sendable {
  /// What bounds it.
  package struct Limits: Sendable {
    /// Expansions that have not ended, of all and of one client; what comes then is refused.
    package var expansions = 100_000
    package var expansionsOfClient = 10_000
    /// Questions of one client that wait for an answer, but for those of the turn that reaches it; its
    /// expansions have no turn until one is answered.
    package var questionsOfClient = 128
    /// Expansions of more than one slice that are under way, of all and of one client; the next ones wait
    /// behind their first slice. What bounds memory.
    package var large = 64
    package var largeOfClient = 4
    /// Effort of a client before the next one has its turn.
    package var effort = ExpansionLimits.slice
    /// Whoever asked has given up after so many milliseconds.
    package let patience: Int64

    package init(patience: Int64) { self.patience = patience }
  }

  /// Who has turns of its own.
  package enum Client: Hashable, Sendable {
    /// Whoever has an address of one network.
    case network(SourceAddress)
    /// The queue, for its notices.
    case queue
    case operators

    /// The client at an address.
    package init(at source: SourceAddress) { self = .network(source.network) }
  }

  /// One of a client's sessions.
  package struct Session: Hashable, Sendable {
    /// Whose it is.
    package let client: Client
    /// The edge that its questions come over.
    private let edge: UInt32
    private let number: UInt64

    /// - Parameter number: no other session's on the same edge.
    package init(_ client: Client, edge: UInt32, number: UInt64) {
      self.client = client
      self.edge = edge
      self.number = number
    }
  }

  /// What is next.
  package enum Turn: Equatable, Sendable {
    case begin(UInt64)
    case goOn(UInt64)
    /// It came too long ago: to be ended.
    case drop(UInt64)

    /// Whose it is.
    package var number: UInt64 {
      switch self {
      case .begin(let number), .goOn(let number), .drop(let number): number
      }
    }
  }

  private enum Stage {
    /// It has not begun.
    case waiting
    /// It waits for an answer.
    case idle
    /// It has something to do.
    case ready
  }

  private enum Size {
    case small
    /// It has done its first slice, and waits for room to go on.
    case parked
    case large
  }

  private struct Entry {
    let session: Session
    let came: Int64
    var stage = Stage.waiting
    var size = Size.small
  }

  /// What a session has. Numbers of expansions that have ended are skipped.
  private struct SessionLine {
    var expansions: Set<UInt64> = []
    var waiting = WaitingLine<UInt64>()
    var ready = WaitingLine<UInt64>()
    var parked = 0
    /// It is in its client's line.
    var isListed = false

    /// A session with a parked expansion begins no other one.
    var canGoOn: Bool { !ready.isEmpty || (parked == 0 && !waiting.isEmpty) }
  }

  private struct ClientLine {
    var sessions = WaitingLine<Session>()
    var expansions = 0
    var questions = 0
    var large = 0
    /// It is in the line of clients.
    var isListed = false
  }

  private let limits: Limits
  private var expansions: [UInt64: Entry] = [:]
  private var sessions: [Session: SessionLine] = [:]
  private var clients: [Client: ClientLine] = [:]
  /// Those that may have something to do; the first one has its turn.
  private var line = WaitingLine<Client>()
  private var effortLeft: Int
  private var large = 0
  private var parked: [UInt64] = []

  package init(_ limits: Limits) {
    self.limits = limits
    effortLeft = limits.effort
  }

  /// Expansions that have not ended.
  package var count: Int { expansions.count }

  /// Whether nothing at all is kept.
  var isEmpty: Bool {
    expansions.isEmpty && sessions.isEmpty && clients.isEmpty && line.isEmpty && parked.isEmpty
      && large == 0
  }

  // MARK: - What comes

  /// An expansion waits to begin. False when there are too many, and it is not among them.
  package mutating func add(_ number: UInt64, of session: Session, at now: Int64) -> Bool {
    precondition(expansions[number] == nil)
    let ofClient = clients[session.client]?.expansions ?? 0
    guard expansions.count < limits.expansions, ofClient < limits.expansionsOfClient else {
      return false
    }
    expansions[number] = Entry(session: session, came: now)
    clients[session.client, default: ClientLine()].expansions += 1
    sessions[session, default: SessionLine()].expansions.insert(number)
    sessions[session]?.waiting.append(number)
    list(session)
    return true
  }

  /// A begun expansion has something to do, if it has not ended.
  package mutating func wake(_ number: UInt64) {
    guard let expansion = expansions[number], expansion.stage == .idle else { return }
    expansions[number]?.stage = .ready
    sessions[expansion.session]?.ready.append(number)
    list(expansion.session)
  }

  /// A begun expansion has more to do than it did: it is woken once there is room for one of that size.
  package mutating func hasMore(_ number: UInt64) {
    guard let expansion = expansions[number] else { return }
    switch expansion.size {
    case .large: wake(number)
    case .parked: break
    case .small where hasRoom(for: expansion.session.client): enlarge(number)
    case .small:
      expansions[number]?.size = .parked
      sessions[expansion.session]?.parked += 1
      parked.append(number)
    }
  }

  /// Whether it waits for room.
  package func isParked(_ number: UInt64) -> Bool { expansions[number]?.size == .parked }

  /// One more question of a client waits for an answer.
  package mutating func asked(for client: Client) {
    clients[client, default: ClientLine()].questions += 1
  }

  /// A question has its answer, whether the expansion has ended or not.
  package mutating func answered(for client: Client) {
    assert(clients[client, default: ClientLine()].questions > 0)
    clients[client]?.questions -= 1
    list(client)
    forget(client)
  }

  /// An expansion is over.
  package mutating func end(_ number: UInt64) {
    guard let expansion = expansions.removeValue(forKey: number) else { return }
    let session = expansion.session
    sessions[session]?.expansions.remove(number)
    clients[session.client]?.expansions -= 1
    switch expansion.size {
    case .small: break
    case .parked:
      sessions[session]?.parked -= 1
      parked.removeAll { $0 == number }
      list(session)
    case .large:
      large -= 1
      clients[session.client]?.large -= 1
      unpark()
    }
    forget(session)
  }

  /// The expansions of a session that have not ended, in the order in which they came.
  package func expansions(of session: Session) -> [UInt64] {
    (sessions[session]?.expansions ?? []).sorted()
  }

  // MARK: - Turns

  /// What is to be done now; nil when nothing can be. `used` is told what it cost.
  package mutating func next(at now: Int64) -> Turn? {
    while let client = line.first {
      if let number = takeExpansion(of: client) { return turn(number, at: now) }
      _ = line.popFirst()
      clients[client]?.isListed = false
      effortLeft = limits.effort
      forget(client)
    }
    return nil
  }

  /// The cost of what was next.
  package mutating func used(_ effort: Int) {
    effortLeft -= effort
    guard effortLeft <= 0 else { return }
    effortLeft = limits.effort
    if let client = line.popFirst() { line.append(client) }
  }

  private mutating func turn(_ number: UInt64, at now: Int64) -> Turn {
    guard let expansion = expansions[number] else { preconditionFailure("a turn of nobody") }
    expansions[number]?.stage = .idle
    guard now - expansion.came < limits.patience else { return .drop(number) }
    return expansion.stage == .waiting ? .begin(number) : .goOn(number)
  }

  private mutating func takeExpansion(of client: Client) -> UInt64? {
    while mayGoOn(client), let session = clients[client]?.sessions.popFirst() {
      sessions[session]?.isListed = false
      let number = takeExpansion(of: session)
      list(session)
      if let number { return number }
      forget(session)
    }
    return nil
  }

  private mutating func takeExpansion(of session: Session) -> UInt64? {
    while let number = sessions[session]?.ready.popFirst() {
      if expansions[number] != nil { return number }
    }
    guard sessions[session]?.parked == 0 else { return nil }
    while let number = sessions[session]?.waiting.popFirst() {
      if expansions[number] != nil { return number }
    }
    return nil
  }

  private func mayGoOn(_ client: Client) -> Bool {
    clients[client].map { $0.questions < limits.questionsOfClient } ?? false
  }

  // MARK: - Lines

  private mutating func list(_ session: Session) {
    guard let line = sessions[session], !line.isListed, line.canGoOn else { return }
    sessions[session]?.isListed = true
    clients[session.client]?.sessions.append(session)
    list(session.client)
  }

  private mutating func list(_ client: Client) {
    guard let known = clients[client], !known.isListed, !known.sessions.isEmpty, mayGoOn(client)
    else { return }
    clients[client]?.isListed = true
    line.append(client)
  }

  private mutating func forget(_ session: Session) {
    if let line = sessions[session], !line.isListed, line.expansions.isEmpty {
      sessions[session] = nil
    }
    forget(session.client)
  }

  private mutating func forget(_ client: Client) {
    if let known = clients[client], !known.isListed, known.sessions.isEmpty,
      known.expansions == 0, known.questions == 0
    {
      clients[client] = nil
    }
  }

  // MARK: - Large ones

  private func hasRoom(for client: Client) -> Bool {
    large < limits.large && clients[client].map { $0.large < limits.largeOfClient } ?? false
  }

  private mutating func enlarge(_ number: UInt64) {
    guard let expansion = expansions[number] else { return }
    expansions[number]?.size = .large
    large += 1
    clients[expansion.session.client]?.large += 1
    wake(number)
  }

  private mutating func unpark() {
    // Of clients with room the one that has least, and of its own the first.
    func largeOfClient(of number: UInt64) -> Int? {
      expansions[number].flatMap { entry in
        let client = entry.session.client
        return hasRoom(for: client) ? clients[client]?.large : nil
      }
    }
    var found: (place: Int, large: Int)?
    for (place, number) in parked.enumerated() {
      if let large = largeOfClient(of: number), large < found?.large ?? .max {
        found = (place, large)
      }
      if found?.large == 0 { break }
    }
    guard let found else { return }
    let number = parked.remove(at: found.place)
    if let session = expansions[number]?.session { sessions[session]?.parked -= 1 }
    enlarge(number)
  }
}
