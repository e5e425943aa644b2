// SPDX-License-Identifier: ISC

/// All that a process is confined to.
package struct Confinement: Sendable {
  /// How a broken promise is answered.
  package enum Mode: UInt8, Sendable {
    /// The process is ended, with a line for the log.
    case enforced
    /// A line for the log, and the call goes through. Landlock is left out, for it could only refuse.
    /// For finding the words that a new platform needs; no protection.
    case logged

    /// Of this build, where nobody asks for another.
    package static var usual: Mode {
      #if SandboxLogs
        .logged
      #else
        .enforced
      #endif
    }
  }

  /// Whose user a process runs as.
  package enum User: Sendable {
    /// One that runs nothing but roles.
    case own
    /// One that runs other things, too.
    case shared
  }

  /// In the log.
  package var name: String
  /// What the process may do.
  package var promises: Promises
  /// Where the words for files hold, as the process sees it: every one must exist.
  package var directories: [String]
  /// The TCP ports that `inet` may connect to; nil for any. The kernel holds it from Landlock's fourth
  /// version on.
  package var ports: [UInt16]?
  /// Files, sockets and pipes that may be open at a time; nil leaves the limit as it is.
  package var openFiles: UInt64?
  /// The limit on processes is for an own user only: the kernel counts all of a user's.
  package var user: User
  /// How a broken promise is answered.
  package var mode: Mode

  package init(
    name: String,
    promises: Promises,
    directories: [String] = [],
    ports: [UInt16]? = nil,
    openFiles: UInt64? = nil,
    user: User = .shared,
    mode: Mode = .enforced
  ) {
    self.name = name
    self.promises = promises
    self.directories = directories
    self.ports = ports
    self.openFiles = openFiles
    self.user = user
    self.mode = mode
  }
}

/// Why a process could not be confined.
package struct SandboxError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The call, or the rule, that failed.
  package let step: String
  /// Why, in the system's words.
  package let reason: String

  package var description: String { "\(step): \(reason)" }
}
