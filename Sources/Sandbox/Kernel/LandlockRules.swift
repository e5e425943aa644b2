// SPDX-License-Identifier: ISC

internal import CSandbox
internal import Glibc

/// What Landlock is told: everything that this version knows is handled, so refused, but for the grants.
package struct LandlockRules: Equatable, Sendable {
  /// Bits of the kernel's interface, linux/landlock.h.
  package enum Access {
    /// Execute a file.
    package static let execute: UInt64 = 1 << 0
    /// Open a file for writing.
    package static let writeFile: UInt64 = 1 << 1
    /// Open a file for reading.
    package static let readFile: UInt64 = 1 << 2
    /// Open or list a directory.
    package static let readDirectory: UInt64 = 1 << 3
    /// Remove or rename a directory.
    package static let removeDirectory: UInt64 = 1 << 4
    /// Remove or rename a file.
    package static let removeFile: UInt64 = 1 << 5
    /// Make a directory.
    package static let makeDirectory: UInt64 = 1 << 7
    /// Make a regular file.
    package static let makeFile: UInt64 = 1 << 8
    /// Make a Unix socket.
    package static let makeSocket: UInt64 = 1 << 9
    /// Rename from one directory to another: version 2.
    package static let refer: UInt64 = 1 << 13
    /// Truncate a file: version 3.
    package static let truncate: UInt64 = 1 << 14
    /// ioctl(2) on a device: version 5.
    package static let deviceControl: UInt64 = 1 << 15
    /// Bind a TCP socket to a port: version 4.
    package static let bindTCP: UInt64 = 1 << 0
    /// Connect a TCP socket to a port: version 4.
    package static let connectTCP: UInt64 = 1 << 1
    /// Connect to abstract Unix sockets of others: version 6.
    package static let abstractSockets: UInt64 = 1 << 0
    /// Send signals to others: version 6.
    package static let signals: UInt64 = 1 << 1
  }

  /// A TCP port and what is granted there.
  package struct Port: Equatable, Sendable {
    /// 0 stands for any that the kernel chooses.
    package let number: UInt16
    /// Bits of `Access`.
    package let access: UInt64

    package init(number: UInt16, access: UInt64) {
      self.number = number
      self.access = access
    }
  }

  /// Of the kernel's interface.
  package let version: Int
  /// The kinds of access to files that are handled.
  package let files: UInt64
  /// The kinds of access to the network that are handled.
  package let network: UInt64
  /// What is kept inside the process and its children.
  package let scoped: UInt64
  /// Granted below each of the confinement's directories; 0 for nothing.
  package let granted: UInt64
  /// Where something is granted.
  package let directories: [String]
  /// The TCP ports where something is granted.
  package let ports: [Port]

  /// - Parameter version: of the kernel's interface, 1 or more.
  package init(_ confinement: Confinement, version: Int) {
    let promises = confinement.promises
    self.version = version
    // Version 1 refuses every rename between directories, which who makes files here cannot do without: it is
    // held by its user, its root and its calls.
    let canRename = version >= 2 || !promises.contains(.cpath)
    files =
      !canRename ? 0 : (1 << (version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13)) - 1
    granted = LandlockRules.access(promises) & files
    directories = granted == 0 ? [] : confinement.directories
    let connects = !promises.isDisjoint(with: [.inet, .dns, .getpw])
    let anyPort = connects && confinement.ports == nil
    let bind = version >= 4 ? Access.bindTCP : 0
    let connect = version >= 4 && !anyPort ? Access.connectTCP : 0
    network = bind | connect
    // Port 0, which the kernel fills in: a relay may have a source address, and never listens.
    var ports = connects && bind != 0 ? [Port(number: 0, access: bind)] : []
    if connects, connect != 0 {
      ports += Set(confinement.ports ?? []).sorted().map { Port(number: $0, access: connect) }
    }
    self.ports = ports
    guard version >= 6 else {
      scoped = 0
      return
    }
    let names = promises.isDisjoint(with: [.unix, .getpw]) ? Access.abstractSockets : 0
    scoped = names | Access.signals
  }

  private static func access(_ promises: Promises) -> UInt64 {
    var access: UInt64 = 0
    if !promises.isDisjoint(with: [.rpath, .getpw]) {
      access |= Access.readFile | Access.readDirectory
    }
    if promises.contains(.wpath) { access |= Access.writeFile | Access.truncate }
    if promises.contains(.cpath) {
      access |= Access.makeFile | Access.makeDirectory | Access.refer
      access |= Access.removeFile | Access.removeDirectory
      if promises.contains(.unix) { access |= Access.makeSocket }
    }
    if promises.contains(.exec) { access |= Access.execute }
    return access
  }

  /// Binds this thread and those that it starts. No new privileges must have been given up.
  func enter() throws(SandboxError) {
    // The kernel takes no rules that handle nothing.
    guard files | network | scoped != 0 else { return }
    let ruleset = talaria_landlock_ruleset(Int32(version), files, network, scoped)
    try check(ruleset, "landlock_create_ruleset")
    defer { close(ruleset) }
    for directory in directories {
      // The path is read during the call only.
      try check(
        unsafe talaria_landlock_grant_path(ruleset, directory, granted),
        "landlock \(directory)"
      )
    }
    for port in ports {
      try check(
        talaria_landlock_grant_port(ruleset, port.number, port.access),
        "landlock port \(port.number)"
      )
    }
    try check(talaria_landlock_restrict(ruleset), "landlock_restrict_self")
  }

  private func check(_ outcome: CInt, _ step: String) throws(SandboxError) {
    guard outcome < 0 else { return }
    throw SandboxError(step: step, reason: "error \(errno)")
  }
}
