// SPDX-License-Identifier: ISC

internal import ArgumentParser
internal import Configuration
internal import Glibc
internal import Interprocess

/// The command line of smtpd(8).
struct DaemonCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "smtpd",
    abstract: "Simple Mail Transfer Protocol daemon.",
    version: "Talaria \(TalariaVersion.text)",
    helpNames: [.customShort("h"), .customLong("help")]
  )

  @Flag(name: .customShort("d"), help: "Stay in the foreground and log to standard error.")
  var debug = false

  @Flag(name: .customShort("F"), help: "Stay in the foreground and log to syslog.")
  var foreground = false

  @Flag(name: .customShort("n"), help: "Check the configuration and exit.")
  var check = false

  @Flag(name: .customShort("v"), help: "Log more; with -n print the configuration as understood.")
  var verbose: Int

  @Option(name: .customShort("f"), help: ArgumentHelp("Read this configuration.", valueName: "file"))
  var file: String?

  @Option(
    name: .customShort("S"),
    help: ArgumentHelp("Keep spool and control socket in this directory.", valueName: "directory")
  )
  var state: String?

  @Option(
    name: .customShort("D"),
    parsing: .singleValue,
    help: ArgumentHelp("Define a macro; it wins over the file's.", valueName: "name=value")
  )
  var macros: [String] = []

  @Option(
    name: .customShort("P"),
    parsing: .singleValue,
    help: ArgumentHelp("Start with a subsystem paused: mda, mta or smtp.", valueName: "subsystem")
  )
  var paused: [String] = []

  @Option(
    name: .customShort("B"),
    parsing: .singleValue,
    help: ArgumentHelp("Use another backend: queue=fs, sqlite, lmdb or ram.", valueName: "kind=name")
  )
  var backends: [String] = []

  @Option(
    name: .customShort("T"),
    parsing: .singleValue,
    help: ArgumentHelp("Trace a part of the daemon.", valueName: "trace")
  )
  var traces: [String] = []

  func run() throws {
    let startup = Startup(self)
    throw ExitCode(startup.run())
  }
}
