// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
package import Interprocess
internal import Mail

/// The first process: it starts all others and keeps them running, and does nothing that can block.
///
/// One loop over the channels of the roles and the signals. It parses no mail and nothing of the
/// network; what a role asks of it names an action and a user, never a command or a uid.
package final class Supervisor {
  private let plan: ServicePlan
  private let log: LogWriter
  private let logPipe: CInt
  private let signals: CInt
  private let isReady: () -> Void
  private var roles: RoleTable
  private var commands = CommandTable()
  private var connections = ConnectionTable()
  private var pending = PendingPrograms()
  private var verifiers: VerifierTable
  private var offline: OfflineRunner?
  private var verbosity: UInt8
  private var ready: Set<Role> = []
  private var state = RoleTable.ServiceState.running
  private var stopDeadline: Int64 = 0
  private var exitStatus: Int32 = 0
  private var wasReady = false

  /// - Parameters:
  ///   - listeners: open sockets by the role that accepts on them; they stay open here.
  ///   - isReady: told once, when every role does its work.
  package init(
    plan: ServicePlan,
    log: LogWriter,
    listeners: [Role: [CInt]],
    isReady: @escaping () -> Void
  ) {
    self.plan = plan
    self.log = log
    self.isReady = isReady
    verbosity = plan.verbosity
    var pipe = STDERR_FILENO
    if let end = log.makePipe() {
      pipe = end.release()
      // A log that nobody reads loses lines; it does not stop the service.
      _ = fcntl(pipe, F_SETFL, fcntl(pipe, F_GETFL) | O_NONBLOCK)
    }
    logPipe = pipe
    verifiers = VerifierTable(plan.verifier, log: pipe)
    offline = plan.offline.map {
      OfflineRunner(directory: $0.directory, program: $0.program, log: pipe)
    }
    // The array is read during the call only.
    signals = unsafe talaria_signal_descriptor([SIGCHLD, SIGTERM, SIGINT, SIGHUP], 4)
    precondition(signals >= 0, "no signal descriptor")
    roles = RoleTable(plan: plan, log: log, listeners: listeners) { text in
      Supervisor.write(text, to: pipe)
    }
  }

  /// Runs the service until it is told to stop or cannot go on. Returns the exit status.
  package func run(greeting: String) -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    say(greeting)
    do throws(CertificateFault) {
      roles.certificates = try CertificateDesk(plan.certificates)
    } catch {
      say("fatal: \(error.reason)")
      return 1
    }
    for role in Role.started where role != .frontend { roles.start(role, verbosity: verbosity) }
    // Behind those that a client's mail needs.
    roles.start(.frontend, verbosity: verbosity)
    roles.watch?.start()
    while true {
      wait()
      startWhatIsDue()
      let isIdle = roles.running.isEmpty && !commands.isFinishing(at: Clock.rising())
      if state == .stopping, isIdle || Clock.rising() >= stopDeadline {
        // Before our ends of their inputs close.
        commands.endAll()
        connections.endAll()
        offline?.end()
        for role in roles.running.values { kill(role.process, SIGKILL) }
        say("Exiting")
        return exitStatus
      }
    }
  }

  private func wait() {
    let channels = roles.running.values.map(\.channel)
    var watched = [pollfd(fd: signals, events: Int16(POLLIN), revents: 0)]
    watched += channels.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    // An entry of -1 is passed over.
    let offlineEntry = watched.count
    watched.append(pollfd(fd: offline?.watch ?? -1, events: Int16(POLLIN), revents: 0))
    watched.append(
      pollfd(fd: roles.watch?.descriptor ?? -1, events: Int16(POLLIN), revents: 0)
    )
    // Told of errors only: that nobody reads them any more.
    watched += commands.held.map { pollfd(fd: $0, events: 0, revents: 0) }
    let deadlines =
      Array(roles.restarts.values)
      + [
        commands.nextDeadline, roles.nextEdge, pending.nextDeadline, offline?.nextDeadline,
        verifiers.nextDeadline, roles.nextLook,
      ]
      .compactMap { $0 }
    var timeout: CInt = state == .stopping ? 50 : -1
    if state == .running, let next = deadlines.min() {
      let remaining = CInt(clamping: max(0, next - Clock.rising()))
      timeout = timeout < 0 ? remaining : min(timeout, remaining)
    }
    // The array is as long as its count says.
    guard unsafe poll(&watched, nfds_t(watched.count), timeout) > 0 else { return }
    // Messages first: what a role said before it died counts.
    for (channel, entry) in zip(channels, watched.dropFirst()) where entry.revents != 0 {
      if let role = roles.role(ofChannel: channel.descriptor) { drain(channel, of: role) }
    }
    let held = watched[(offlineEntry + 2)...]
    if held.contains(where: { $0.revents != 0 }) { commands.releaseHeld() }
    if watched[offlineEntry].revents != 0 { offline?.noticed(now: Clock.rising()) }
    if watched[offlineEntry + 1].revents != 0 {
      roles.tellChangedTables(isReady: ready.contains(.lookup))
    }
    if watched[0].revents != 0 { handleSignals() }
  }

  private func drain(_ channel: SupervisorChannel, of role: Role) {
    for _ in 0..<64 {
      do throws(ChannelError) {
        guard let (bytes, descriptors) = try channel.receive(.immediate) else { return }
        for descriptor in descriptors { close(descriptor) }
        var reader = ByteReader(bytes)
        guard let message = try? RoleToSupervisor(decoding: &reader) else {
          say("warn: \(role.rawValue) sent what is no message; it is ended")
          end(role)
          return
        }
        handle(message, from: role)
      } catch {
        // A role without its channel is of no use. Mostly it has ended, which a signal will say.
        end(role)
        return
      }
    }
  }

  private func end(_ role: Role) {
    if let running = roles.running[role] { kill(running.process, SIGKILL) }
  }

  private func handle(_ message: RoleToSupervisor, from role: Role) {
    switch (message, role) {
    case (.ready, _):
      ready.insert(role)
      guard !wasReady, ready.count == Role.started.count else { return }
      wasReady = true
      offline?.serviceStands(now: Clock.rising())
      isReady()
    case (.impossible(let text), .queue):
      say("fatal: \(role.rawValue): \(text)")
      exitStatus = 1
      stop()
    case (.impossible(let text), _):
      say("warn: \(role.rawValue): \(text)")
      end(role)
    case (.edgeBroken(let peer), _): roles.broken(role, peer)
    case (.startCommand(let request), .delivery): begin(.command(request))
    case (.connect(let task, let action), .delivery):
      begin(.connection(task: task, action: action))
    case (.endCommand(let task), .delivery):
      pending.remove(task: task)
      commands.end(task: task)
    case (.fed(let task), .delivery):
      commands.fed(task: task)
    case (.resolved(let token, let uid, let gid, let home), .accounts),
      (.resolved(let token, let uid, let gid, let home), .lookup):
      resolved(token, by: role, uid, gid, home)
    case (.unresolved(let token, let reason), .accounts),
      (.unresolved(let token, let reason), .lookup):
      if pending.waiting(for: role).contains(token) { refuse(token, reason) }
    case (.confirmed(let token), .lookup):
      guard let account = pending.confirmed(token), let want = pending.remove(token) else { return }
      start(want, account)
    case (.refuted(let token, let reason), .lookup):
      if pending.confirmed(token) != nil { refuse(token, reason) }
    case (.verify(let token), .accounts): startVerifier(token)
    case (.openTable(let index, let token), .lookup): roles.openTable(index, token: token)
    case (.tableTaken(let index, let token), .lookup): roles.tableTaken(index, token: token)
    case (.tableRefused(let token), .lookup): roles.tableRefused(token: token)
    case (.resumed(let subsystems), .queue): roles.resumed(subsystems)
    case (.keysChecked(let report), .keys): roles.certificatesChecked(report)
    case (.updateCertificates(let token, let name), .keys):
      roles.updateCertificates(of: name, token: token)
    case (.verbosity(let level), .control):
      verbosity = level
      for role in Role.started { roles.send(.verbosity(level), to: role) }
    default:
      say("warn: \(role.rawValue) asked for what it may not")
    }
  }

  private func begin(_ want: PendingPrograms.Want) {
    do throws(CommandRefusal) {
      let owner: AccountName?
      switch want {
      case .command(let request): owner = try plan.local.owner(of: request)
      case .connection(_, let action): owner = try plan.local.connector(of: action)
      }
      guard let owner else { return start(want, nil) }
      guard let token = pending.add(want, owner, now: Clock.rising()) else {
        throw CommandRefusal(reason: "too many users are being looked up")
      }
      switch owner.directory {
      case .accounts: ask(.resolve(token: token, user: owner.name), token, of: .accounts)
      case .userbase(let action):
        ask(.resolveUser(token: token, action: action, user: owner.name), token, of: .lookup)
      }
    } catch {
      refuse(want, error.reason)
    }
  }

  private func ask(_ question: SupervisorToRole, _ token: UInt64, of role: Role) {
    guard roles.running[role] != nil else { return refuse(token, cannotAsk) }
    roles.send(question, to: role)
  }

  private let cannotAsk = "the user cannot be looked up now"

  /// A user is known. What a table named is confirmed by lookup, which has the tables: delivery, which
  /// talks to the network, could have made it up.
  private func resolved(
    _ token: UInt64,
    by role: Role,
    _ uid: UInt32,
    _ gid: UInt32,
    _ home: String
  ) {
    guard let name = pending.name(token), pending.waiting(for: role).contains(token) else { return }
    let account = Account(name: name.name, uid: uid, gid: gid, home: home)
    if case .command(let request)? = pending.want(token), request.isFromTable {
      pending.confirm(token, account)
      let question = SupervisorToRole.confirmNode(
        token: token,
        action: request.action,
        method: request.method
      )
      return ask(question, token, of: .lookup)
    }
    if let want = pending.remove(token) { start(want, account) }
  }

  private func start(_ want: PendingPrograms.Want, _ account: Account?) {
    do throws(CommandRefusal) {
      switch want {
      case .command(let request):
        guard let account else { throw CommandRefusal(reason: "nobody owns the command") }
        let program = try plan.local.program(for: request, as: account)
        let ends = try commands.start(program, task: request.task, now: Clock.rising())
        roles.send(.commandStarted(task: request.task), descriptors: ends, to: .delivery)
        for end in ends { close(end) }
      case .connection(let task, let action):
        try connections.start(try plan.local.connection(of: action, as: account), task: task)
      }
    } catch {
      refuse(want, error.reason)
    }
  }

  private func refuse(_ token: UInt64, _ reason: String) {
    if let want = pending.remove(token) { refuse(want, reason) }
  }

  private func refuse(_ want: PendingPrograms.Want, _ reason: String) {
    roles.send(.commandFailed(task: want.task, reason: reason), to: .delivery)
  }

  private func startVerifier(_ token: UInt64) {
    do throws(CommandRefusal) {
      let end = try verifiers.start(now: Clock.rising())
      roles.send(.verifier(token: token), descriptors: [end], to: .accounts)
      close(end)
    } catch {
      roles.send(.verifierRefused(token: token, reason: error.reason), to: .accounts)
    }
  }

  private func handleSignals() {
    while true {
      switch talaria_read_signal(signals) {
      case SIGCHLD: reap()
      case SIGTERM, SIGINT:
        if state == .running { say("info: stopping") }
        stop()
      case SIGHUP:
        say("info: SIGHUP: certificates are read again; the rest needs a restart")
        roles.updateCertificates()
      default: return
      }
    }
  }

  private func reap() {
    while true {
      var status: CInt = 0
      // The status is written during the call only.
      let process = unsafe waitpid(-1, &status, WNOHANG)
      guard process > 0 else { return }
      switch commands.ended(process: process, status: status) {
      case .task(let task, let status, let unread):
        let ending = SupervisorToRole.commandEnded(task: task, status: status, unread: unread)
        roles.send(ending, to: .delivery)
        continue
      case .abandoned: continue
      case .unknown: break
      }
      if verifiers.ended(process: process) { continue }
      if offline?.ended(process: process, status: status, now: Clock.rising()) == true { continue }
      if let ending = connections.ended(process: process, status: status) {
        tell(ending)
        continue
      }
      // What it said last is still in its channel.
      if let running = roles.running.values.first(where: { $0.process == process }) {
        drain(running.channel, of: running.role)
      }
      let how = "\(WaitStatus(status: status))"
      guard let role = roles.ended(process: process, how: how, service: state) else { continue }
      ready.remove(role)
      if role == .delivery {
        commands.feederDied(service: state, now: Clock.rising())
        connections.endAll()
        pending.removeAll()
      }
      for token in pending.waiting(for: role) { refuse(token, cannotAsk) }
    }
  }

  private func tell(_ ending: ConnectionTable.Ending) {
    switch ending {
    case .connected(let task, let socket):
      roles.send(.connected(task: task), descriptors: [socket], to: .delivery)
      close(socket)
    case .failed(let task, let reason):
      roles.send(.commandFailed(task: task, reason: reason), to: .delivery)
    case .abandoned: break
    }
  }

  private func startWhatIsDue() {
    guard state == .running else { return }
    let now = Clock.rising()
    for (role, when) in roles.restarts where when <= now {
      roles.start(role, verbosity: verbosity)
    }
    roles.makeEdges(dueAt: now)
    roles.lookForCertificates(dueAt: now)
    if let reason = offline?.startIfDue(now: now) { say("warn: offline: \(reason)") }
    for token in pending.overdue(at: now) { refuse(token, "the user database does not answer") }
    for _ in 0..<verifiers.endOverdue(at: now) { say("warn: PAM does not answer") }
    for task in commands.endOverdue(at: now) {
      say("warn: the command of task \(task) ran too long")
    }
  }

  private func stop() {
    guard state == .running else { return }
    state = .stopping
    stopDeadline = Clock.rising() + Int64(plan.stopMilliseconds) + 1000
    for role in Role.started { roles.send(.stop(milliseconds: plan.stopMilliseconds), to: role) }
  }

  private func say(_ text: String) { Supervisor.write(text, to: logPipe) }

  private static func write(_ text: String, to pipe: CInt) {
    let line = Array(text.visible(keeping: "\n").utf8) + [0x0a]
    // The array is read during the call only. A pipe takes a line whole.
    _ = unsafe Glibc.write(pipe, line, line.count)
  }
}
