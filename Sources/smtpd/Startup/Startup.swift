// SPDX-License-Identifier: ISC

internal import CLinux
internal import Configuration
internal import ControlProtocol
internal import Glibc
internal import Host
internal import Interprocess
internal import Lookup
internal import Mail
internal import Policy
internal import RolePromises
internal import Sandbox
internal import Supervisor

/// From the command line to a running supervisor: everything that can be wrong is found out here, and
/// told on standard error, before anything is started.
struct Startup {
  private let command: DaemonCommand
  private let uid = geteuid()
  /// Of encrypted keys. Nothing is read from it here.
  private let passphrases = PassphraseFile(inherited: Background.takePassphrases())

  init(_ command: DaemonCommand) { self.command = command }

  /// The usual place of the configuration.
  static let configurationFile = "/etc/smtpd.conf"

  /// Does what the arguments say. Returns the exit status.
  static func run(_ arguments: [String]) -> Int32 {
    do throws(StartupFailure) {
      let command = try DaemonCommand(parsing: arguments)
      guard !command.help else {
        print("Talaria \(TalariaVersion.text) (OpenSMTPD 7.8.0-portable)\n\(DaemonCommand.usage)")
        return 0
      }
      return try Startup(command).run()
    } catch {
      for line in error.lines { complain(line) }
      return 1
    }
  }

  private func run() throws(StartupFailure) -> Int32 {
    // Before anything is here that is worth a look.
    do throws(SandboxError) {
      try Sandbox.conceal()
    } catch {
      throw StartupFailure("sandbox: \(error)")
    }
    // The runtime would debug this process instead, over the terminal whose passphrase is asked for.
    signal(SIGQUIT, SIG_DFL)
    let options = try StartupOptions(command, uid: uid)
    let report = try readConfiguration(options)
    var configuration = try checked(report)
    if let backend = options.backend { configuration.backend = backend }
    let verifier = try VerifierProgram.find(for: configuration.systemPasswords)
    guard command.check else {
      try refuse(report.unservedDirectives())
      return try serve(configuration, verifier, options)
    }
    for var missing in report.unserved() {
      missing.severity = .warning
      Startup.complain("\(missing)")
    }
    for path in configuration.tables.compactMap(\.file) where FileContent.isForbidden(path) {
      Startup.complain("smtpd: \(path): Permission denied; this table is not checked")
    }
    if command.verbose > 0 { print(configuration.normalizedText, terminator: "") }
    Startup.complain("configuration OK")
    return 0
  }

  private func checked(
    _ report: ConfigurationReport
  ) throws(StartupFailure) -> ServerConfiguration {
    let warnings = command.verbose > 0 ? report.warnings : report.disappointments
    for warning in warnings { Startup.complain("\(warning)") }
    try refuse(report.errors)
    guard let configuration = report.configuration else {
      preconditionFailure("neither a configuration nor an error")
    }
    return configuration
  }

  private func refuse(_ errors: [Diagnostic]) throws(StartupFailure) {
    guard !errors.isEmpty else { return }
    throw StartupFailure(
      lines: errors.map { "\($0)" } + [errors.count == 1 ? "1 error" : "\(errors.count) errors"]
    )
  }

  private static func complain(_ line: String) {
    let bytes = Array(line.visible(keeping: "\n\t").utf8) + [0x0a]
    // The array is read during the call only.
    _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
  }

  private func readConfiguration(
    _ options: StartupOptions
  ) throws(StartupFailure) -> ConfigurationReport {
    let facts = HostFactsReader.read(
      configuration: options.configurationPath,
      name: .resolver
    )
    if case .failure(let fault) = FileContent.read(options.configurationPath, atMost: 64 << 20) {
      throw StartupFailure("\(options.configurationPath): \(fault.reason)")
    }
    return ConfigurationReport(
      reading: options.configurationPath,
      macros: options.macros,
      facts: facts,
      resolve: HostFactsReader.addresses,
      judge: .host(uid: uid, KeysCheck(sandbox: options.sandbox, passphrases: passphrases)),
      // Another user may start what this one checks.
      tables: .host { command.check && FileContent.isForbidden($0) },
      values: ValueJudge(fault: TableValue.fault)
    ) { path throws(UnreadableFile) in
      switch FileContent.read(path, atMost: 64 << 20) {
      case .success(let bytes): return bytes
      case .failure(let fault): throw fault
      }
    }
  }

  private func serve(
    _ configuration: ServerConfiguration,
    _ verifier: Program?,
    _ options: StartupOptions
  ) throws(StartupFailure) -> Int32 {
    if !command.debug, !command.foreground { try Background.enter(passphrases.descriptor) }
    let users = try ServiceUsers(uid: uid)
    let spool = SpoolPreparation(path: options.state.spool, users: users)
    try spool.prepare()
    let listeners = try openListeners(configuration, options)
    let destination: LogWriter.Destination = command.debug ? .standardError : .syslog
    let log = LogWriter(to: destination)
    var plan = try plan(configuration, options, users)
    plan.verifier = verifier
    let supervisor = Supervisor(
      plan: plan,
      log: log,
      listeners: listeners,
      isReady: { Background.isReady() }
    )
    log.start()
    var greeting = ["info: Talaria \(TalariaVersion.text) (OpenSMTPD 7.8.0-portable) starting"]
    if let warning = KernelSupport.current.warning { greeting.append("warn: \(warning)") }
    if options.sandbox == .logged {
      let cause = Confinement.Mode.usual == .logged ? "a build with SandboxLogs" : "-T sandbox"
      greeting.append("warn: \(cause): broken promises are logged and go through")
    }
    let status = supervisor.run(greeting: greeting.joined(separator: "\n"))
    // A path is read during the call only.
    _ = unsafe unlink(options.state.socket)
    _ = unsafe unlink(options.state.submission)
    // The last lines are on their way to the log's thread.
    usleep(50_000)
    return status
  }

  private func openListeners(
    _ configuration: ServerConfiguration,
    _ options: StartupOptions
  ) throws(StartupFailure) -> [Role: [CInt]] {
    do throws(ListeningSocket.Failure) {
      // First, since they know who has the spool; a port does not.
      for path in [options.state.submission, options.state.socket] {
        try ListeningSocket.expectNobody(at: path)
      }
      var sockets: [CInt] = []
      for listener in configuration.listeners {
        let address = listener.target.description
        sockets.append(try ListeningSocket.tcp(address: address, port: listener.port).release())
      }
      // Behind those of the listeners: whoever may reach the path may submit, and the kernel says who.
      sockets.append(
        try ListeningSocket.local(path: options.state.submission, mode: 0o666).release()
      )
      let control = try ListeningSocket.local(path: options.state.socket, mode: 0o600)
      return [.frontend: sockets, .control: [control.release()]]
    } catch {
      throw StartupFailure(error.description)
    }
  }

  private func plan(
    _ configuration: ServerConfiguration,
    _ options: StartupOptions,
    _ users: ServiceUsers
  ) throws(StartupFailure) -> ServicePlan {
    let lookup = LookupProjection(configuration)
    let tables = TableFiles(lookup)
    let projections: [Role: [UInt8]] = [
      .accounts: AccountsProjection(configuration).encoded(),
      .resolver: ResolverProjection(configuration).encoded(),
      .queue: QueueProjection(configuration).encoded(),
      .lookup: lookup.encoded(),
      .delivery: DeliveryProjection(configuration).encoded(),
      .frontend: FrontendProjection(configuration).encoded(),
      .keys: [],
      .control: [],
    ]
    let commands = CommandPlan(
      LocalRecipe.all(configuration),
      delimiter: configuration.subaddressDelimiter,
      timeout: configuration.localLimits.timeout,
      onlyUser: uid == 0 ? nil : uid,
      connector: users.delivery,
      roles: users.uids,
      mailGroup: UserDatabase.group(named: CommandPlan.mailGroup)
    )
    var identities: [Role: RoleIdentity] = [:]
    for role in Role.started {
      identities[role] = users.identity(
        of: role,
        spool: options.state.spool,
        sandbox: options.sandbox,
        openFiles: RolePromises.openFiles(of: role)?.most(Startup.counts(configuration))
      )
    }
    var plan = ServicePlan(
      projections: projections,
      identities: identities,
      local: commands
    )
    plan.tables = try tables.open()
    plan.watchedTables = tables.maps
    plan.openTable = { index throws(CommandRefusal) in try tables.open(index) }
    plan.certificates = CertificateFiles(configuration, uid: uid).source
    plan.certificates.passphrases = passphrases.release()
    plan.offline = offlineProgram(options.state)
    plan.pausedAtStart = options.paused
    plan.verbosity = command.verbose > 0 || !command.traces.isEmpty ? 1 : 0
    return plan
  }
}

extension Startup {
  /// What the roles' open files depend on.
  fileprivate static func counts(_ configuration: ServerConfiguration) -> [OpenFiles.Counted: Int] {
    [
      .sessions: configuration.reception.sessionsMax,
      // And the submission socket.
      .listeners: configuration.listeners.count + 1,
      .inFlight: configuration.schedulingLimits.inFlightMax,
      .deliveries: configuration.localLimits.sessionsMax,
      .tables: configuration.tables.count,
    ]
  }

  fileprivate func offlineProgram(_ state: StateDirectory) -> (directory: String, program: Program)
  {
    var program = Program(
      path: Program.ourselves,
      arguments: ["smtpd", "-x", DeliveryAgent.offline.rawValue, state.offline, state.submission]
    )
    program.environment = ["SWIFT_BACKTRACE=enable=no"]
    program.directory = "/"
    return (state.offline, program)
  }
}

/// Why the daemon does not start: lines for standard error.
struct StartupFailure: Error {
  let lines: [String]

  init(_ line: String) { lines = ["smtpd: \(line)".visible()] }

  init(lines: [String]) { self.lines = lines }
}
