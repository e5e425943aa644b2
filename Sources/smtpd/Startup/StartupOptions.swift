// SPDX-License-Identifier: ISC

internal import Configuration
internal import ControlProtocol
internal import Sandbox
internal import Supervisor

/// The command line, checked.
struct StartupOptions {
  let configurationPath: String
  let state: StateDirectory
  let macros: [MacroDefinition]
  let backend: QueueBackend?
  /// Bits: 1 mda, 2 mta, 4 smtp.
  let paused: UInt8
  /// Whether broken promises are only logged: `-T sandbox`, and in a build with `SandboxLogs`.
  let sandbox: Confinement.Mode

  init(_ command: DaemonCommand, uid: UInt32) throws(StartupFailure) {
    configurationPath = StartupOptions.absolute(command.file ?? Startup.configurationFile)
    do throws(StateDirectory.Failure) {
      var home: String?
      if case .found(let account) = UserDatabase.user(id: uid) { home = account.home }
      state = try StateDirectory(
        option: command.state.map(StartupOptions.absolute),
        environment: Smtpd.environment(),
        uid: uid,
        home: home
      )
    } catch {
      throw StartupFailure("\(error)")
    }
    macros = try StartupOptions.macros(command.macros)
    backend = try StartupOptions.backend(command.backends)
    paused = try StartupOptions.paused(command.paused)
    sandbox = try StartupOptions.traces(command.traces)
  }

  private static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    return FileSystem.currentDirectory() + "/" + path
  }

  private static func macros(_ texts: [String]) throws(StartupFailure) -> [MacroDefinition] {
    var macros: [MacroDefinition] = []
    for text in texts {
      guard let macro = MacroDefinition(parsing: text) else {
        throw StartupFailure("-D \(text): expected name=value")
      }
      macros.append(macro)
    }
    return macros
  }

  /// `sandbox`, then OpenSMTPD's, of which each says no more than that the log is to say more.
  private static let knownTraces = """
    sandbox imsg io smtp filters transfer mta bounce scheduler lookup stat rules mproc expand tables queue \
    profstat profile-imsg profile-queue all
    """

  private static func traces(_ words: [String]) throws(StartupFailure) -> Confinement.Mode {
    let known = knownTraces.split(separator: " ").map(String.init)
    for word in words where !known.contains(word) {
      throw StartupFailure("-T \(word): expected one of \(known.joined(separator: ", "))")
    }
    return words.contains("sandbox") ? .logged : .usual
  }

  /// What may be said of parts of which there is one kind.
  private static var onlyBackends: [String: String] { ["scheduler": "ramqueue", "stat": "ram"] }

  private static func backend(_ texts: [String]) throws(StartupFailure) -> QueueBackend? {
    var backend: QueueBackend?
    for text in texts {
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      let known = QueueBackend.allCases.map(\.rawValue).joined(separator: ", ")
      if let only = parts.count == 2 ? onlyBackends[parts[0]] : nil {
        guard parts[1] == only else {
          throw StartupFailure("-B \(text): there is no \(parts[0]) but \(only)")
        }
        continue
      }
      guard parts.count == 2, parts[0] == "queue" else {
        throw StartupFailure("-B \(text): expected queue= and one of \(known)")
      }
      guard let named = QueueBackend(rawValue: parts[1]) else {
        throw StartupFailure("-B \(text): no such backend; expected one of \(known)")
      }
      backend = named
    }
    return backend
  }

  private static func paused(_ words: [String]) throws(StartupFailure) -> UInt8 {
    var bits: UInt8 = 0
    for word in words {
      switch word {
      case "mda": bits |= 1
      case "mta": bits |= 2
      case "smtp": bits |= 4
      default: throw StartupFailure("-P \(word): expected mda, mta or smtp")
      }
    }
    return bits
  }
}
