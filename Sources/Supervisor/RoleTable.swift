// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess
internal import Mail

/// The running roles: starts them, hands them their edges, and starts again what died.
///
/// Start-up and recovery are one mechanism: a role that is started gets its configuration and an edge
/// to each neighbour that runs; the neighbour is handed the other end by the same message.
struct RoleTable {
  /// One running process.
  struct Running {
    let role: Role
    let process: Int32
    let channel: SupervisorChannel
    let startedAt: Int64
  }

  private let plan: ServicePlan
  private let log: LogWriter
  let say: (String) -> Void
  /// Listening sockets by the role that accepts on them.
  private let listeners: [Role: [CInt]]
  /// The files that tables are read from, by the table's place; they are lookup's at each start.
  private var tables: [Int: CInt]
  /// Files that lookup was sent and has not taken yet, by its token.
  private var offeredTables: [UInt64: (table: Int, file: CInt)] = [:]
  /// When lookup was told that a table has another file and has not asked for it since, on the rising clock.
  private var toldTables: [Int: Int64] = [:]
  /// Looks for other files of the tables that are maps; nil where there are none.
  let watch: TableWatch?
  /// What the command line has paused (bits as in `SupervisorToRole.paused`) and nobody has resumed.
  private var pausedAtStart: UInt8
  private(set) var running: [Role: Running] = [:]
  var certificates: CertificateDesk?
  /// When it is looked again whether a certificate or a key that is lacking has come, on the rising clock.
  var nextLook: Int64?
  private var backoffs: [Role: RestartBackoff] = [:]
  /// When a role that died is started again, on the rising clock.
  private(set) var restarts: [Role: Int64] = [:]
  private var generation: UInt32 = 0
  /// Edges that are to be made, and when: they broke, or there were no descriptors.
  private var edgesDue: [EdgeName: Int64] = [:]

  /// Two roles that talk to each other.
  private struct EdgeName: Hashable {
    let one: Role
    let other: Role
  }

  /// Whether a role was there before.
  enum Start {
    case first
    case again
  }

  private enum Limits {
    /// Before an edge that broke is made anew, in milliseconds: two roles that do not understand each
    /// other must not keep everybody busy.
    static let edgeDelay: Int64 = 250
    /// Files of tables that lookup is reading at one time.
    static let offeredTables = 64
    /// Of them those that lookup was told of by us; the others are an operator's.
    static let toldTables = 32
    /// Before lookup is told again that has not asked, in milliseconds.
    static let toldAgain: Int64 = 10_000
  }

  init(
    plan: ServicePlan,
    log: LogWriter,
    listeners: [Role: [CInt]],
    say: @escaping (String) -> Void
  ) {
    self.plan = plan
    self.log = log
    self.listeners = listeners
    self.say = say
    tables = plan.tables
    watch = TableWatch(plan.watchedTables, handed: plan.tables)
    pausedAtStart = plan.pausedAtStart
  }

  /// Starts a role and connects it with all neighbours that run.
  mutating func start(_ role: Role, verbosity: UInt8) {
    restarts[role] = nil
    precondition(running[role] == nil)
    do {
      running[role] = try spawn(role)
    } catch {
      say("warn: \(role.rawValue) could not be started: \(error)")
      restarts[role] = Clock.rising() + backoffs[role, default: RestartBackoff()].died(after: 0)
      return
    }
    send(.verbosity(verbosity), to: role)
    if role == .queue, pausedAtStart != 0 { send(.paused(pausedAtStart), to: role) }
    handFirstCertificates(to: role, backoffs[role] == nil ? .first : .again)
    if role == .lookup { sendTables() }
    for (one, other) in Role.edges where one == role || other == role {
      connect(one, other)
    }
    // Whoever is let in finds everybody there.
    if let sockets = listeners[role] {
      var first = 0
      while first < sockets.count {
        let part = sockets[first..<min(first + Int(TALARIA_DESCRIPTORS_MAX), sockets.count)]
        send(.listeners(first: UInt16(first)), descriptors: Array(part), to: role)
        first = part.endIndex
      }
    }
  }

  /// The operator has resumed these subsystems: a queue that is started again does so, too.
  mutating func resumed(_ subsystems: UInt8) { pausedAtStart &= ~subsystems }

  private mutating func sendTables() {
    for (table, file) in offeredTables.values {
      close(file)
      if let path = watch?.lost(of: table) {
        say("warn: \(path): lookup has ended over it each time; what it said before counts")
      }
    }
    offeredTables.removeAll()
    toldTables.removeAll()
    for (index, file) in tables.sorted(by: { $0.key < $1.key }) {
      send(.table(index: UInt16(index), token: 0), descriptors: [file], to: .lookup)
    }
  }

  /// Lookup wants to read a table anew.
  mutating func openTable(_ index: UInt16, token: UInt64) {
    toldTables[Int(index)] = nil
    do throws(CommandRefusal) {
      guard tables[Int(index)] != nil, token != 0, offeredTables[token] == nil,
        offeredTables.count < Limits.offeredTables
      else { throw CommandRefusal(reason: "it cannot be opened now") }
      let file = try openTable(Int(index))
      offeredTables[token] = (Int(index), file)
      send(.table(index: index, token: token), descriptors: [file], to: .lookup)
    } catch {
      send(.tableFailed(index: index, token: token, reason: error.reason), to: .lookup)
    }
  }

  private mutating func openTable(_ index: Int) throws(CommandRefusal) -> CInt {
    do throws(CommandRefusal) {
      let file = try plan.openTable(index)
      watch?.handed(file, of: index)
      return file
    } catch {
      if error.isPassing { toldTables[index] = Clock.rising() } else { watch?.refused(of: index) }
      throw error
    }
  }

  /// Has lookup ask for the tables that have other files now: some at a time, the rest comes again at the next look.
  ///
  /// - Parameter isReady: whether lookup does its work; one that is still starting reads no messages.
  mutating func tellChangedTables(isReady: Bool) {
    let changed = watch?.takeChanged() ?? []
    guard isReady else { return }
    let now = Clock.rising()
    toldTables = toldTables.filter { now - $0.value < Limits.toldAgain }
    for table in changed.sorted() where toldTables[table] == nil {
      guard toldTables.count + offeredTables.count < Limits.toldTables else { return }
      toldTables[table] = now
      send(.tableChanged(index: UInt16(table)), to: .lookup)
    }
  }

  /// What the file of this token says is of no use.
  mutating func tableRefused(token: UInt64) {
    guard let offered = offeredTables.removeValue(forKey: token) else { return }
    close(offered.file)
    toldTables[offered.table] = nil
  }

  /// Lookup has taken the file that it was sent.
  mutating func tableTaken(_ index: UInt16, token: UInt64) {
    guard let offered = offeredTables.removeValue(forKey: token) else { return }
    // While it was being read, lookup took no notice of another one.
    toldTables[offered.table] = nil
    if let old = tables.updateValue(offered.file, forKey: Int(index)) { close(old) }
  }

  private func spawn(_ role: Role) throws -> Running {
    guard let projection = plan.projections[role], let identity = plan.identities[role],
      let file = SealedFile.make(name: role.rawValue, projection),
      let output = log.makePipe()
    else { throw SpawnError(path: role.rawValue, reason: systemError()) }
    let (ours, theirs) = try SupervisorChannel.makePair()
    defer { theirs.close() }
    var program = Program(
      path: Program.ourselves,
      arguments: ["smtpd", "-x", role.rawValue]
    )
    program.environment = ["SWIFT_BACKTRACE=enable=no", "PATH=/usr/bin:/bin"]
    program.descriptors = (-1, output.borrow(), output.borrow(), theirs.descriptor)
    let process: Int32
    do {
      process = try program.start()
    } catch {
      ours.close()
      throw error
    }
    var writer = ByteWriter()
    SupervisorToRole.configure(identity).encode(into: &writer)
    do {
      try ours.send(writer.finish(), descriptors: [file.borrow()], .immediate)
    } catch {
      // It is nobody's: reaped like any child that is unknown.
      kill(process, SIGKILL)
      ours.close()
      throw error
    }
    return Running(role: role, process: process, channel: ours, startedAt: Clock.rising())
  }

  private mutating func connect(_ one: Role, _ other: Role) {
    guard running[one] != nil, running[other] != nil else { return }
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    guard unsafe talaria_stream_pair(&ends) == 0 else {
      say("warn: no edge between \(one.rawValue) and \(other.rawValue): \(systemError())")
      edgesDue[EdgeName(one: one, other: other)] = Clock.rising() + Limits.edgeDelay
      return
    }
    edgesDue[EdgeName(one: one, other: other)] = nil
    generation += 1
    send(.edge(peer: other, generation: generation), descriptors: [ends[0]], to: one)
    send(.edge(peer: one, generation: generation), descriptors: [ends[1]], to: other)
    for end in ends { close(end) }
  }

  /// A role says that an edge of its broke while both ends live.
  mutating func broken(_ role: Role, _ peer: Role) {
    for (one, other) in Role.edges
    where (one, other) == (role, peer) || (one, other) == (peer, role) {
      let name = EdgeName(one: one, other: other)
      if edgesDue[name] == nil { edgesDue[name] = Clock.rising() + Limits.edgeDelay }
    }
  }

  /// When an edge is to be made, on the rising clock.
  var nextEdge: Int64? { edgesDue.values.min() }

  mutating func makeEdges(dueAt now: Int64) {
    for (name, when) in edgesDue where when <= now {
      edgesDue[name] = nil
      connect(name.one, name.other)
    }
  }

  /// Sends without waiting: a role that does not read its channel is ended, so that it starts anew.
  func send(_ message: SupervisorToRole, descriptors: [CInt] = [], to role: Role) {
    guard let running = running[role] else { return }
    var writer = ByteWriter()
    message.encode(into: &writer)
    do throws(ChannelError) {
      try running.channel.send(writer.finish(), descriptors: descriptors, .immediate)
    } catch {
      guard error != .closed else { return }
      say("warn: \(role.rawValue) does not listen (\(error)); it is ended and started again")
      kill(running.process, SIGKILL)
      // The rest that it would be sent is told to nobody.
      running.channel.shutDown()
    }
  }

  /// A child ended. Returns the role that it was, nil when it was none.
  mutating func ended(process: Int32, how: String, service: ServiceState) -> Role? {
    guard let was = running.values.first(where: { $0.process == process }) else { return nil }
    running[was.role] = nil
    was.channel.close()
    guard service == .running else { return was.role }
    let now = Clock.rising()
    let delay = backoffs[was.role, default: RestartBackoff()].died(after: now - was.startedAt)
    restarts[was.role] = now + delay
    say(
      "warn: \(was.role.rawValue) (process \(process)) \(how); "
        + (delay == 0 ? "started again" : "to be started again in \(delay) ms")
    )
    return was.role
  }

  enum ServiceState: Sendable {
    case running
    case stopping
  }

  /// The role whose channel this is.
  func role(ofChannel descriptor: CInt) -> Role? {
    running.values.first { $0.channel.descriptor == descriptor }?.role
  }
}
