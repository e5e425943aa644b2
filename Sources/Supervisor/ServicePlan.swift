// SPDX-License-Identifier: ISC

internal import Glibc
package import Interprocess
internal import Mail

/// All that the supervisor needs to know of the configuration to run the service.
package struct ServicePlan: Sendable {
  /// What each role is handed.
  package var projections: [Role: [UInt8]]
  package var identities: [Role: RoleIdentity]
  /// Subsystems that start paused (bits: 1 mda, 2 mta, 4 smtp).
  package var pausedAtStart: UInt8 = 0
  package var verbosity: UInt8 = 0
  /// What is run for deliveries, and as whom.
  package var local: any LocalPlan
  /// The files of tables, by the table's place in lookup's projection.
  package var tables: [Int: CInt] = [:]
  /// The paths of those that are taken anew whenever another file is there.
  package var watchedTables: [Int: String] = [:]
  /// Opens a table's file anew; the descriptor is the caller's.
  package var openTable: @Sendable (Int) throws(CommandRefusal) -> CInt = {
    _ throws(CommandRefusal) in
    throw CommandRefusal(reason: "it has no file")
  }
  /// Where they come from, now and at each renewal.
  package var certificates = CertificateSource.none
  /// The offline directory and the program that takes up what is there; nil: nobody does.
  package var offline: (directory: String, program: Program)?
  /// Asks PAM about one password; nil: accounts looks at passwords itself.
  package var verifier: Program?
  /// How long a clean stop may take, in milliseconds.
  package var stopMilliseconds: UInt32 = 10_000

  package init(
    projections: [Role: [UInt8]],
    identities: [Role: RoleIdentity],
    local: any LocalPlan
  ) {
    self.projections = projections
    self.identities = identities
    self.local = local
  }
}

/// What the configuration says about deliveries on this host. Nothing of it comes from a request.
package protocol LocalPlan: Sendable {
  /// Whose program it is: the account of an action's `user`, else the recipient's.
  func owner(of request: CommandRequest) throws(CommandRefusal) -> AccountName
  /// The program of an action for a user.
  func program(
    for request: CommandRequest,
    as account: Account
  ) throws(CommandRefusal) -> Program
  /// Who connects to the local socket of an action; nil: a program without rights.
  func connector(of action: String) throws(CommandRefusal) -> AccountName?
  /// The program that connects its standard input, a socket, to the local socket of an action. Its exit
  /// status is zero, or what errno said.
  func connection(
    of action: String,
    as account: Account?
  ) throws(CommandRefusal) -> Program
}

/// An account, and who knows it.
package struct AccountName: Hashable, Sendable {
  /// Who is asked.
  package enum Directory: Hashable, Sendable {
    /// The user database of the host.
    case accounts
    /// The `userbase` table of this action.
    case userbase(action: String)
  }

  package var name: String
  /// Who is asked.
  package var directory: Directory

  package init(name: String, directory: Directory = .accounts) {
    self.name = name
    self.directory = directory
  }
}

/// A user of this host, as the accounts role found it.
package struct Account: Hashable, Sendable {
  package var name: String
  package var uid: UInt32
  package var gid: UInt32
  package var home: String

  package init(name: String, uid: UInt32, gid: UInt32, home: String) {
    self.name = name
    self.uid = uid
    self.gid = gid
    self.home = home
  }
}

/// Why no program is started for a delivery.
package struct CommandRefusal: Error, Equatable, Sendable {
  package let reason: String
  /// The same may work a while later, with nothing changed.
  package let isPassing: Bool

  package init(reason: String, isPassing: Bool = false) {
    self.reason = reason
    self.isPassing = isPassing
  }

  /// A call of the system failed, and errno says how.
  package static func ofCall() -> CommandRefusal {
    let passing = [EMFILE, ENFILE, ENOMEM, EINTR, EIO, ESTALE, ETIMEDOUT]
    return CommandRefusal(reason: systemError(), isPassing: passing.contains(errno))
  }
}
