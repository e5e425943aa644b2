// SPDX-License-Identifier: ISC

package import Interprocess
package import Sandbox

/// What each role promises: the one list that binds the process, the probe of the tests, and the table in
/// ARCHITECTURE.md. A word that is not here ends the role that needs it.
package enum RolePromises {
  /// The words of a role, with the reason for each.
  package static func stated(by role: Role) -> StatedPromises {
    switch role {
    case .supervisor:
      [
        .stdio: "its loop, its log",
        .rpath: "reads the configuration and the tables",
        .wpath: "notes the kind of the store",
        .cpath: "makes the spool, the offline directory and two sockets",
        .fattr: "gives the spool to the queue's user, and the offline directory to all",
        .inet: "opens the listeners",
        .unix: "opens the sockets of administration and submission",
        .sendfd: "hands listeners, edges and pipes to the roles",
        .proc: "starts and ends roles and commands",
        .exec: "runs roles, commands, and who takes up offline messages",
        .id: "runs commands as their users",
      ]
    case .accounts:
      [
        .stdio: "its loop, its edge, its log",
        .getpw: "asks whatever services the host has for its users and their passwords",
        .recvfd: "is handed its edge",
        .proc: "reads the files of users in short-lived processes",
        .id: "which become those users",
        .protExec: "such services are modules, loaded when first asked",
      ]
    case .keys:
      [
        .stdio: "edges, its log, threads that sign",
        .recvfd: "is handed its edges and the files of the keys",
      ]
    case .frontend:
      [
        .stdio: "sessions, edges, its log",
        .accept: "takes connections on the listeners and the submission socket it was handed",
        .recvfd: "is handed listeners, the submission socket and edges",
      ]
    case .lookup:
      [
        .stdio: "edges, its log",
        .recvfd: "is handed its edges",
      ]
    case .resolver:
      [
        .stdio: "edges, its log, libunbound's thread",
        .dns: "asks name servers",
        .recvfd: "is handed its edges",
      ]
    case .queue:
      [
        .stdio: "edges, its log, the store's thread",
        .rpath: "reads the spool",
        .wpath: "writes the spool",
        .cpath: "a message is a file, or in a file that comes and goes",
        .flock: "one process works on a spool; stores lock their files",
        .recvfd: "is handed its edges",
      ]
    case .delivery:
      [
        .stdio: "sessions, edges, pipes to commands, its log",
        .inet: "connects to the hosts that it relays to",
        .recvfd: "is handed edges and the pipes of commands",
      ]
    case .control:
      [
        .stdio: "edges, clients, its log",
        .accept: "takes connections on the administration socket",
        .recvfd: "is handed the socket and its edges",
      ]
    }
  }

  /// The words of the process that looks at keys before the start, when it has a terminal to ask for passphrases
  /// on: what keys may, and one more.
  package static var asking: Promises {
    // It has opened the terminal before, and shows no answer.
    stated(by: .keys).words.union([.tty])
  }

  /// How many files a role may have open; nil for the supervisor, whose limit is the host's.
  package static func openFiles(of role: Role) -> OpenFiles? {
    switch role {
    case .supervisor: nil
    // Name services, a pipe for each file that is read, a socket for each program that asks PAM.
    case .accounts: OpenFiles(256)
    // Those that are refused have a socket, too, until they have read it.
    case .frontend: OpenFiles(256, [.sessions: 1, .listeners: 1])
    // Maps stay open, and those that take their place are opened meanwhile.
    case .lookup: OpenFiles(192, [.tables: 2])
    // libunbound's sockets: 256 at most, and those of TCP.
    case .resolver: OpenFiles(512)
    // A large body is a file until its message is stored, and while it is delivered.
    case .queue: OpenFiles(1024, [.sessions: 1, .inFlight: 1])
    // A connection is kept for a while when its message is gone; a command has two pipes.
    case .delivery: OpenFiles(256, [.inFlight: 2, .deliveries: 2])
    // Keys come so many at a time and are closed once they are read.
    case .keys: OpenFiles(256)
    // Administrators' connections, of which there are few.
    case .control: OpenFiles(192)
    }
  }

  /// The roles that the kernel holds to their words: all that are started. What the supervisor starts
  /// would inherit its filter, and commands of users are not its to bind.
  package static let bound = Role.started

  /// The roles that stay root where root starts the server.
  package static let privileged: Set<Role> = [.supervisor, .accounts]

  private static func hold(on role: Role) -> String {
    switch (bound.contains(role), privileged.contains(role)) {
    case (false, _): "**not at all**, root"
    case (true, true): "**calls**, root"
    case (true, false): "yes"
    }
  }

  /// What binds a role's process.
  ///
  /// - Parameter ports: the TCP ports it may connect to; nil for any.
  package static func confinement(
    of role: Role,
    identity: RoleIdentity,
    ports: [UInt16]? = nil
  ) -> Confinement {
    let directories: [String] =
      switch role {
      case .queue: [identity.spool]
      case .accounts: ["/"]
      default: []
      }
    return Confinement(
      name: role.rawValue,
      promises: stated(by: role).words,
      directories: directories,
      ports: ports,
      openFiles: identity.openFiles,
      user: identity.uid == nil || privileged.contains(role) ? .shared : .own,
      mode: identity.sandbox
    )
  }

  /// Roles and promises as the table of ARCHITECTURE.md.
  package static var table: [String] {
    let roles = Role.allCases
    let words = Promise.allCases.filter { word in
      roles.contains { stated(by: $0).words.contains(word) }
    }
    let head = "| | | " + roles.map(\.rawValue).joined(separator: " | ") + " |"
    let line = "|---|---|" + String(repeating: ":-:|", count: roles.count)
    let held = roles.map(hold(on:))
    let files = roles.map { openFiles(of: $0)?.text ?? "the host's" }
    return [head, line, "| | the kernel holds it | " + held.joined(separator: " | ") + " |"]
      + words.map { word in
        let cells = roles.map { stated(by: $0).words.contains(word) ? "•" : " " }
        return "| `\(word.rawValue)` | \(word.meaning) | " + cells.joined(separator: " | ") + " |"
      } + ["| | open files | " + files.joined(separator: " | ") + " |"]
  }
}
