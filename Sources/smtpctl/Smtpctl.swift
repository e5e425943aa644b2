// SPDX-License-Identifier: ISC

import ArgumentParser
import ControlProtocol
import Glibc
import Queue

/// The options of the command line. Its words are matched by `CommandLineWords`, after OpenSMTPD's
/// manner, so they are one list here.
@main
struct Smtpctl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "smtpctl",
    abstract: "Control the mail server.",
    usage: "smtpctl [-S <directory>] [--json] [--dry-run] <command> ...",
    discussion: """
      Commands, each word of which may be shortened as long as it is not another's beginning:

      \(CommandTable.entries.map { "  " + $0.help }.joined(separator: "\n"))

      A <query> selects envelopes; smtpctl(8) describes it.
      """,
    version: "smtpctl \(Version.text)"
  )

  @Option(
    name: .customShort("S"),
    help: "The state directory of the daemon: its spool and its control socket.",
    completion: .directory
  )
  var directory: String?

  @Flag(help: "Answer in JSON, one object a line.")
  var json = false

  @Flag(help: "Tell how many envelopes a command would touch, and touch none.")
  var dryRun = false

  @Argument(
    help: "A command and its parameters.",
    completion: .custom { words, index, _ in
      CommandTable.completions(after: Array(words.prefix(max(1, index)).dropFirst()))
    }
  )
  var words: [String] = []

  static func main() {
    SystemCalls.ignoreBrokenPipes()
    var arguments = CommandLine.arguments
    let name = arguments.isEmpty ? "smtpctl" : arguments.removeFirst()
    if name.split(separator: "/").last == "mailq" { arguments += ["show", "queue"] }
    Glibc.exit(status(of: arguments).rawValue)
  }

  private static func status(of arguments: [String]) -> ExitStatus {
    let options: Smtpctl
    do {
      var parsed = try parseAsRoot(arguments)
      guard let own = parsed as? Smtpctl else {
        // A command of the library, for help: it throws what is to be shown.
        try parsed.run()
        return .success
      }
      options = own
    } catch {
      let text = fullMessage(for: error)
      guard exitCode(for: error).isSuccess else {
        SystemCalls.report(text)
        return .invalid
      }
      do throws(Output.Failure) {
        let output = standardOutput()
        try output.line(text)
        try output.flush()
        return .success
      } catch {
        return error == .closed ? .success : .failure
      }
    }
    return options.invoke()
  }

  private static func standardOutput() -> Output {
    Output { bytes throws(Output.Failure) in
      try SystemCalls.writeOutput(bytes, to: STDOUT_FILENO)
    }
  }

  private func invoke() -> ExitStatus {
    let state: StateDirectory
    do {
      var environment: [String: String] = [:]
      for name in [StateDirectory.variable, "XDG_STATE_HOME"] {
        environment[name] = SystemCalls.variable(name)
      }
      state = try StateDirectory(
        option: directory,
        environment: environment,
        uid: SystemCalls.userID,
        home: SystemCalls.variable("HOME")
      )
    } catch {
      SystemCalls.report("smtpctl: \(error)")
      return .failure
    }
    return Invocation(
      words: words,
      style: json ? .json : .plain,
      mode: dryRun ? .dryRun : .execute,
      state: state,
      stores: .installed,
      output: Smtpctl.standardOutput(),
      report: SystemCalls.report,
      connect: { path throws(CommandFailure) in try SystemCalls.connect(to: path) },
      now: { SystemCalls.now },
      nextSample: { SystemCalls.pauseOneSecond() }
    ).run()
  }
}
