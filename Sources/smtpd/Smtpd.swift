// SPDX-License-Identifier: ISC

internal import Delivery
internal import Glibc
internal import Interprocess

/// One binary: the daemon's command line, or a role when the supervisor started it with `-x`.
@main
enum Smtpd {
  static func main() {
    let arguments = CommandLine.arguments
    guard arguments.count >= 3, arguments[1] == "-x" else { exit(Startup.run(arguments)) }
    if arguments[2] == "mail.maildir" {
      exit(
        MaildirDelivery.run(arguments: Array(arguments.dropFirst(3)), environment: environment())
      )
    }
    if arguments[2] == KeysCheck.name { KeysCheck.run() }
    guard let role = Role(rawValue: arguments[2]), role != .supervisor else {
      RoleProcess.die("no role \(arguments[2])")
    }
    RoleComposition.run(role)
  }

  /// The environment as names and values.
  static func environment() -> [String: String] {
    var variables: [String: String] = [:]
    // The process has one thread here, which is the only one that could change it.
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      let parts = unsafe String(cString: text).split(separator: "=", maxSplits: 1)
      if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
      unsafe entry += 1
    }
    return variables
  }
}
