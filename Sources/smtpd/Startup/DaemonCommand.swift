// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess

/// The command line of smtpd(8), read by getopt(3).
struct DaemonCommand {
  /// Stay in the foreground and log to standard error.
  var debug = false
  /// Stay in the foreground and log to syslog.
  var foreground = false
  var check = false
  var verbose = 0
  var file: String?
  var state: String?
  var macros: [String] = []
  var paused: [String] = []
  var backends: [String] = []
  var traces: [String] = []
  var help = false

  static let usage = """
    usage: smtpd [-dFhnv] [-B queue=backend] [-D name=value] [-f file] [-P subsystem]
                 [-S directory] [-T trace]
      -d            stay in the foreground and log to standard error
      -F            stay in the foreground and log to syslog
      -n            check the configuration and exit; with -v print it as understood
      -v            log more
      -h            show the version and this text
      -B queue=KIND use another backend: fs, sqlite, lmdb or ram
      -D NAME=VALUE define a macro; it wins over the file's
      -f FILE       read this configuration instead of \(Startup.configurationFile)
      -P SUBSYSTEM  start with a subsystem paused: mda, mta or smtp
      -S DIRECTORY  keep spool and control socket in this directory
      -T TRACE      trace a part of the daemon; sandbox: log broken promises, and let them through
    """

  /// - Throws: what is wrong with the arguments; getopt has said it on standard error already.
  init(parsing arguments: [String]) throws(StartupFailure) {
    // The strings live as long as the process, which is what getopt's pointers into them need.
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    var next: CInt = 1
    while true {
      var text: UnsafePointer<CChar>?
      // The texts are those of the array above.
      let option = unsafe talaria_option(
        CInt(arguments.count),
        pointers,
        "B:dD:Ff:hnP:S:T:v",
        &text,
        &next
      )
      guard option != -1 else { break }
      let value = unsafe text.map { unsafe String(cString: $0) } ?? ""
      try take(UInt8(truncatingIfNeeded: option), value)
    }
    guard Int(next) >= arguments.count else {
      throw StartupFailure(lines: [
        "smtpd: unexpected argument \(arguments[Int(next)])", DaemonCommand.usage,
      ])
    }
  }

  private mutating func take(_ option: UInt8, _ value: String) throws(StartupFailure) {
    switch option {
    case UInt8(ascii: "B"): backends.append(value)
    case UInt8(ascii: "d"): debug = true
    case UInt8(ascii: "D"): macros.append(value)
    case UInt8(ascii: "F"): foreground = true
    case UInt8(ascii: "f"): file = value
    case UInt8(ascii: "h"): help = true
    case UInt8(ascii: "n"): check = true
    case UInt8(ascii: "P"): paused.append(value)
    case UInt8(ascii: "S"): state = value
    case UInt8(ascii: "T"): traces.append(value)
    case UInt8(ascii: "v"): verbose += 1
    default: throw StartupFailure(lines: [DaemonCommand.usage])
    }
  }
}
