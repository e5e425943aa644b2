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
    if name.split(separator: "/").last == "mailq" { arguments = ["show", "queue"] + arguments }
    Glibc.exit(status(of: arguments).rawValue)
  }

  private static func status(of arguments: [String]) -> ExitStatus {
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

  private static func standardOutput() -> Output {
    Output { bytes throws(Output.Failure) in
      try SystemCalls.writeOutput(bytes, to: STDOUT_FILENO)
    }
  }

  private static func run(_ options: Options) -> ExitStatus {
    let state: StateDirectory
    do throws(StateDirectory.Failure) {
      var environment: [String: String] = [:]
      for name in [StateDirectory.variable, "XDG_STATE_HOME"] {
        environment[name] = SystemCalls.variable(name)
      }
      state = try StateDirectory(
        option: options.state,
        environment: environment,
        uid: SystemCalls.userID,
        home: SystemCalls.variable("HOME")
      )
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
