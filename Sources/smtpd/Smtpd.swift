// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess

/// One binary: the daemon's command line, or a role when the supervisor started it with `-x`.
@main
enum Smtpd {
  static func main() {
    // A standard descriptor that was closed must not become one of our sockets.
    guard talaria_open_standard() == 0 else { RoleProcess.die("no /dev/null") }
    let arguments = CommandLine.arguments
    guard arguments.count >= 3, arguments[1] == "-x" else { exit(Startup.run(arguments)) }
    if let agent = DeliveryAgent(rawValue: arguments[2]) {
      exit(agent.run(Array(arguments.dropFirst(3)), environment()))
    }
    if arguments[2] == KeysCheck.name { KeysCheck.run(Array(arguments.dropFirst(3))) }
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
