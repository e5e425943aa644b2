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
  /// Commands whose user is being looked up, by a number of ours: a delivering role that is started
  /// anew numbers its tasks anew.
  private var awaitingAccount: [UInt64: Waiting] = [:]
  private var nextToken: UInt64 = 0
  private var verbosity: UInt8
  private var ready: Set<Role> = []
  private var state = RoleTable.ServiceState.running
  private var stopDeadline: Int64 = 0
  private var exitStatus: Int32 = 0
  private var wasReady = false

  private struct Waiting {
    let request: CommandRequest
    let deadline: Int64
  }

  private enum Limits {
    /// Users that are looked up at one time.
    static let lookups = 256
    /// How long that may take, in milliseconds.
    static let lookupTime: Int64 = 30_000
  }

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
    for role in Role.started { roles.start(role, verbosity: verbosity) }
    while true {
      wait()
      startWhatIsDue()
      if state == .stopping, roles.running.isEmpty || Clock.rising() >= stopDeadline {
        // Before our ends of their inputs close.
        commands.endAll()
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
    let deadlines =
      Array(roles.restarts.values)
      + [commands.nextDeadline, roles.nextEdge, nextLookupDeadline].compactMap { $0 }
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
      isReady()
    case (.impossible(let text), .queue):
      say("fatal: \(role.rawValue): \(text)")
      exitStatus = 1
      stop()
    case (.impossible(let text), _):
      say("warn: \(role.rawValue): \(text)")
      end(role)
    case (.edgeBroken(let peer), _): roles.broken(role, peer)
    case (.startCommand(let request), .delivery): lookUp(request)
    case (.endCommand(let task), .delivery):
      for (token, waiting) in awaitingAccount where waiting.request.task == task {
        awaitingAccount[token] = nil
      }
      commands.end(task: task)
    case (.fed(let task), .delivery):
      commands.fed(task: task)
    case (.resolved(let token, let uid, let gid, let home), .accounts):
      guard let request = awaitingAccount.removeValue(forKey: token)?.request else { return }
      start(
        request,
        Account(name: plan.account(request), uid: uid, gid: gid, home: home)
      )
    case (.unresolved(let token, let reason), .accounts):
      refuse(token, reason)
    case (.keysChecked(let generation, let fault), .keys):
      certificatesChecked(generation, fault)
    case (.updateCertificates, .keys): updateCertificates()
    case (.verbosity(let level), .control):
      verbosity = level
      for role in Role.started { roles.send(.verbosity(level), to: role) }
    default:
      say("warn: \(role.rawValue) asked for what it may not")
    }
  }

  private func lookUp(_ request: CommandRequest) {
    nextToken += 1
    awaitingAccount[nextToken] = Waiting(
      request: request,
      deadline: Clock.rising() + Limits.lookupTime
    )
    guard roles.running[.accounts] != nil, awaitingAccount.count <= Limits.lookups else {
      return refuse(nextToken, "the user cannot be looked up now")
    }
    roles.send(.resolve(token: nextToken, user: plan.account(request)), to: .accounts)
  }

  private var nextLookupDeadline: Int64? { awaitingAccount.values.lazy.map(\.deadline).min() }

  private func start(_ request: CommandRequest, _ account: Account) {
    do throws(CommandRefusal) {
      let program = try plan.command(request, account)
      let ends = try commands.start(program, task: request.task, now: Clock.rising())
      roles.send(.commandStarted(task: request.task), descriptors: ends, to: .delivery)
      for end in ends { close(end) }
    } catch {
      roles.send(.commandFailed(task: request.task, reason: error.reason), to: .delivery)
    }
  }

  private func refuse(_ token: UInt64, _ reason: String) {
    guard let request = awaitingAccount.removeValue(forKey: token)?.request else { return }
    roles.send(.commandFailed(task: request.task, reason: reason), to: .delivery)
  }

  /// Keys looks at what there is now; the others get it when it is good.
  private func updateCertificates() {
    do throws(CertificateFault) {
      try roles.certificates?.renew()
      try roles.handCertificates(.renewal, to: .keys)
    } catch {
      say("warn: certificates are not updated: \(error.reason)")
      roles.send(.certificatesUnreadable(reason: error.reason), to: .keys)
    }
  }

  private func certificatesChecked(_ generation: UInt32, _ fault: String) {
    switch roles.certificates?.checked(generation, fault: fault) {
    case .accepted:
      for role in [Role.frontend, .delivery] {
        do throws(CertificateFault) {
          try roles.handCertificates(.current, to: role)
        } catch {
          say("warn: \(role.rawValue) has old certificates: \(error.reason)")
        }
      }
      say("info: certificates updated")
    case .refused(let reason): say("warn: certificates are not updated: \(reason)")
    case .unchanged, nil: break
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
        updateCertificates()
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
      switch commands.ended(process: process) {
      case .task(let task):
        roles.send(.commandEnded(task: task, status: status), to: .delivery)
        continue
      case .abandoned: continue
      case .unknown: break
      }
      // What it said last is still in its channel.
      if let running = roles.running.values.first(where: { $0.process == process }) {
        drain(running.channel, of: running.role)
      }
      guard let role = roles.ended(process: process, how: describe(status), service: state) else {
        continue
      }
      ready.remove(role)
      if role == .delivery {
        commands.endAll()
        awaitingAccount.removeAll()
      }
      if role == .accounts {
        for token in Array(awaitingAccount.keys) {
          refuse(token, "the user cannot be looked up now")
        }
      }
    }
  }

  private func startWhatIsDue() {
    guard state == .running else { return }
    let now = Clock.rising()
    for (role, when) in roles.restarts where when <= now {
      roles.start(role, verbosity: verbosity)
    }
    roles.makeEdges(dueAt: now)
    for (token, waiting) in awaitingAccount where waiting.deadline <= now {
      refuse(token, "the user database does not answer")
    }
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

  private func describe(_ status: Int32) -> String {
    let signal = status & 0x7f
    return signal == 0
      ? "ended with status \((status >> 8) & 0xff)" : "was killed by signal \(signal)"
  }

  private func say(_ text: String) { Supervisor.write(text, to: logPipe) }

  private static func write(_ text: String, to pipe: CInt) {
    let line = Array(text.utf8) + [0x0a]
    // The array is read during the call only. A pipe takes a line whole.
    _ = unsafe Glibc.write(pipe, line, line.count)
  }
}
