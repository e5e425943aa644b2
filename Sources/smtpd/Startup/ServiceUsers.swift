// SPDX-License-Identifier: ISC

internal import Glibc
internal import Interprocess
internal import Mail
internal import Sandbox
internal import Supervisor

/// Who each role becomes: as root a user of its own and an empty root, else whoever started it.
struct ServiceUsers {
  /// The users of the roles, made by `make users`.
  static let names: [Role: String] = [
    .frontend: "_smtpf",
    .lookup: "_smtpl",
    .resolver: "_smtpr",
    .queue: "_smtpq",
    .delivery: "_smtpx",
    .keys: "_smtpk",
    .control: "_smtpc",
  ]
  /// The empty directory that is the root of the roles without files.
  static let emptyRoot = "/var/empty"

  private let accounts: [Role: Account]
  private let uid: UInt32

  /// - Throws: when a user is missing, with the command that makes it.
  init(uid: UInt32) throws(StartupFailure) {
    self.uid = uid
    guard uid == 0 else {
      accounts = [:]
      return
    }
    var accounts: [Role: Account] = [:]
    var missing: [String] = []
    for (role, name) in ServiceUsers.names {
      switch UserDatabase.user(named: name) {
      case .found(let account): accounts[role] = account
      case .absent, .failed: missing.append(name)
      }
    }
    // Nobody runs as this one until an alias has a command, which must not be found out then.
    let aliasUser = LocalDelivery.aliasUser
    if case .found = UserDatabase.user(named: aliasUser) {} else { missing.append(aliasUser) }
    guard missing.isEmpty else {
      throw StartupFailure(
        "users are missing: \(missing.sorted().joined(separator: ", ")); run `make users` as root"
      )
    }
    self.accounts = accounts
    guard FileSystem.facts(ServiceUsers.emptyRoot) == nil else { return }
    try FileSystem.makeDirectory(ServiceUsers.emptyRoot, mode: 0o755)
  }

  /// The queue's user and group; nil without root.
  var queue: Account? { accounts[.queue] }

  /// The delivering role's user; nil without root.
  var delivery: Account? { accounts[.delivery] }

  /// Of all roles; none without root.
  var uids: Set<UInt32> { Set(accounts.values.map(\.uid)) }

  func identity(
    of role: Role,
    spool: String,
    sandbox: Confinement.Mode,
    openFiles: UInt64?
  ) -> RoleIdentity {
    guard let account = accounts[role] else {
      return RoleIdentity(
        root: nil,
        uid: nil,
        gid: nil,
        spool: spool,
        owner: uid,
        sandbox: sandbox,
        openFiles: openFiles
      )
    }
    return RoleIdentity(
      root: role == .queue ? spool : ServiceUsers.emptyRoot,
      uid: account.uid,
      gid: account.gid,
      spool: role == .queue ? "/" : spool,
      shownSpool: spool,
      owner: uid,
      sandbox: sandbox,
      openFiles: openFiles
    )
  }
}
