// SPDX-License-Identifier: ISC

package import Interprocess

/// All that the supervisor needs to know of the configuration to run the service.
package struct ServicePlan: Sendable {
  /// What each role is handed.
  package var projections: [Role: [UInt8]]
  package var identities: [Role: RoleIdentity]
  /// Subsystems that start paused (bits: 1 mda, 2 mta, 4 smtp).
  package var pausedAtStart: UInt8 = 0
  package var verbosity: UInt8 = 0
  /// The name of the account that an action delivers as.
  package var account: @Sendable (CommandRequest) -> String
  /// The program of an action for a user, taken from the configuration and never from the request.
  package var command: @Sendable (CommandRequest, Account) throws(CommandRefusal) -> Program
  /// Where they come from, now and at each renewal.
  package var certificates = CertificateSource.none
  /// How long a clean stop may take, in milliseconds.
  package var stopMilliseconds: UInt32 = 10_000

  package init(
    projections: [Role: [UInt8]],
    identities: [Role: RoleIdentity],
    account: @escaping @Sendable (CommandRequest) -> String,
    command: @escaping @Sendable (CommandRequest, Account) throws(CommandRefusal) -> Program
  ) {
    self.projections = projections
    self.identities = identities
    self.account = account
    self.command = command
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

  package init(reason: String) { self.reason = reason }
}
