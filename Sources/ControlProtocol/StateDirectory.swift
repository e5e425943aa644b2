// SPDX-License-Identifier: ISC

/// Where a daemon keeps its spool and its administration socket: one rule for `smtpd` and `smtpctl`.
///
/// In this order: the option `-S`; the variable `SMTPD_STATE`; for root the system's places; else
/// `talaria` below `$XDG_STATE_HOME`, or below `.local/state` in `$HOME`, or in the home directory.
package struct StateDirectory: Hashable, Sendable {
  /// The directory of the store.
  package let spool: String
  /// The administration socket.
  package let socket: String
  /// The submission socket, which any user may connect to.
  package let submission: String

  /// Why there is no place.
  package enum Failure: Error, Equatable, Sendable {
    /// `-S` or `SMTPD_STATE` was given without a value.
    case empty(option: String)
    /// Neither `XDG_STATE_HOME` nor a home directory is known.
    case noHome
  }

  /// The variable that stands for `-S`.
  package static let variable = "SMTPD_STATE"

  /// The system's own, which root uses.
  package static let system = StateDirectory(
    spool: "/var/spool/smtpd",
    socket: "/run/smtpd.sock",
    submission: "/run/smtpd-submit.sock"
  )

  private init(spool: String, socket: String, submission: String) {
    self.spool = spool
    self.socket = socket
    self.submission = submission
  }

  /// A directory with both in it.
  package init(directory: String) {
    var directory = directory[...]
    while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
    let prefix = directory == "/" ? "/" : directory + "/"
    self.init(
      spool: prefix + "spool",
      socket: prefix + "smtpd.sock",
      submission: prefix + "smtpd-submit.sock"
    )
  }

  /// - Parameters:
  ///   - option: the value of `-S`; nil when it was not given.
  ///   - home: the invoking user's home directory, for an environment that does not tell.
  package init(
    option: String?,
    environment: [String: String],
    uid: UInt32,
    home: String?
  ) throws(Failure) {
    if let option {
      guard !option.isEmpty else { throw .empty(option: "-S") }
      self.init(directory: option)
    } else if let value = environment[StateDirectory.variable] {
      guard !value.isEmpty else { throw .empty(option: StateDirectory.variable) }
      self.init(directory: value)
    } else if uid == 0 {
      self = .system
    } else if let base = environment["XDG_STATE_HOME"], base.hasPrefix("/") {
      // A relative path there is to be ignored, says the specification of that variable.
      self.init(directory: StateDirectory.join(base, "talaria"))
    } else if let home = [environment["HOME"], home].lazy.compactMap(\.self)
      .first(where: { $0.hasPrefix("/") })
    {
      self.init(directory: StateDirectory.join(home, ".local/state/talaria"))
    } else {
      throw .noHome
    }
  }

  /// The file below the spool that holds the backend's word.
  package var backendFile: String { spool + "/backend" }
  /// Where `sendmail` puts messages while nobody serves the submission socket.
  package var offline: String { spool + "/offline" }

  private static func join(_ base: String, _ name: String) -> String {
    base.hasSuffix("/") ? base + name : base + "/" + name
  }
}

extension StateDirectory.Failure: CustomStringConvertible {
  package var description: String {
    switch self {
    case .empty(let option): "\(option) needs a directory"
    case .noHome: "no home directory is known; give one with -S"
    }
  }
}
