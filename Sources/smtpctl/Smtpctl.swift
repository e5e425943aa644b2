// SPDX-License-Identifier: ISC

import ControlProtocol
import Glibc
import Queue

/// The program: what it is started with, and the status that it ends with.
@main
struct Smtpctl {
  static func main() {
    SystemCalls.openStandardDescriptors()
    SystemCalls.ignoreBrokenPipes()
    var arguments = CommandLine.arguments
    let name = arguments.isEmpty ? "smtpctl" : arguments.removeFirst()
    let result = Personality.named(name)?.run(arguments) ?? status(of: arguments).rawValue
    Glibc.exit(result)
  }

  static func status(of arguments: [String]) -> ExitStatus {
    let options: Options
    do throws(Options.Failure) {
      options = try Options(arguments)
    } catch {
      SystemCalls.report(error.text)
      return .invalid
    }
    switch options.purpose {
    case .command: return run(options)
    case .help: return show(Options.help)
    case .version: return show("smtpctl (Talaria) \(TalariaVersion.text)")
    }
  }

  private static func show(_ text: String) -> ExitStatus {
    do throws(Output.Failure) {
      let output = standardOutput()
      try output.line(text)
      try output.flush()
      return .success
    } catch {
      return error == .closed ? .success : .failure
    }
  }

  static func standardOutput() -> Output {
    Output { bytes throws(Output.Failure) in
      try SystemCalls.writeOutput(bytes, to: STDOUT_FILENO)
    }
  }

  private static func stateDirectory(
    _ option: String?
  ) throws(StateDirectory.Failure) -> StateDirectory {
    var environment: [String: String] = [:]
    for name in [StateDirectory.variable, "XDG_STATE_HOME", "HOME"] {
      environment[name] = SystemCalls.variable(name)
    }
    return try StateDirectory(
      option: option,
      environment: environment,
      uid: SystemCalls.userID,
      home: nil
    )
  }

  /// Asks the daemon of this environment for something that has no answer of its own. Nil is success.
  static func request(_ request: ControlRequest) -> CommandFailure? {
    let state: StateDirectory
    do throws(StateDirectory.Failure) {
      state = try stateDirectory(nil)
    } catch {
      return .failed("\(error)")
    }
    do throws(CommandFailure) {
      let transport = try SystemCalls.connect(to: state.socket)
      let connection = try ControlConnection(transport, build: Invocation.build)
      try connection.complete(request) { _ throws(CommandFailure) in
        throw .brokenAnswer("a part of a larger answer")
      }
      return nil
    } catch {
      return error
    }
  }

  private static func run(_ options: Options) -> ExitStatus {
    let state: StateDirectory
    do throws(StateDirectory.Failure) {
      state = try stateDirectory(options.state)
    } catch {
      SystemCalls.report("smtpctl: \(error)")
      return .failure
    }
    return Invocation(
      words: options.words,
      style: options.style,
      mode: options.mode,
      state: state,
      stores: .installed,
      output: standardOutput(),
      report: { SystemCalls.report($0) },
      terminal: SystemCalls.terminal,
      connect: { path throws(CommandFailure) in try SystemCalls.connect(to: path) },
      now: { SystemCalls.now },
      nextSample: { SystemCalls.pauseOneSecond() }
    ).run()
  }
}
