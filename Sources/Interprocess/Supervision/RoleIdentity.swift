// SPDX-License-Identifier: ISC

package import Mail
package import Sandbox

/// Who a role becomes before it does anything.
package struct RoleIdentity: Equatable, Sendable {
  /// The directory that becomes its root; nil without root's rights.
  package var root: String?
  /// nil: stay who started the server.
  package var uid: UInt32?
  package var gid: UInt32?
  /// The spool as this role will see it.
  package var spool: String
  /// The same as the operator knows it, for messages.
  package var shownSpool: String
  /// The user who started the server.
  package var owner: UInt32
  /// Whether the kernel ends the role when it breaks a promise, or the log only says so.
  package var sandbox: Confinement.Mode
  /// Files, sockets and pipes that it may have open at a time; nil leaves the limit as it is.
  package var openFiles: UInt64?

  package init(
    root: String?,
    uid: UInt32?,
    gid: UInt32?,
    spool: String,
    shownSpool: String? = nil,
    owner: UInt32,
    sandbox: Confinement.Mode = .enforced,
    openFiles: UInt64? = nil
  ) {
    self.root = root
    self.uid = uid
    self.gid = gid
    self.spool = spool
    self.shownSpool = shownSpool ?? spool
    self.owner = owner
    self.sandbox = sandbox
    self.openFiles = openFiles
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(root ?? "")
    writer.write(uid ?? .max)
    writer.write(gid ?? .max)
    writer.write(spool)
    writer.write(shownSpool)
    writer.write(owner)
    writer.write(sandbox.rawValue)
    writer.write(openFiles ?? .max)
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    let root = try reader.readString(of: "root", atMost: 4096)
    self.root = root.isEmpty ? nil : root
    let uid: UInt32 = try reader.readInteger()
    let gid: UInt32 = try reader.readInteger()
    self.uid = uid == .max ? nil : uid
    self.gid = gid == .max ? nil : gid
    spool = try reader.readString(of: "spool", atMost: 4096)
    shownSpool = try reader.readString(of: "spool", atMost: 4096)
    owner = try reader.readInteger()
    guard let sandbox = Confinement.Mode(rawValue: try reader.readByte()) else {
      throw .invalid(field: "sandbox")
    }
    self.sandbox = sandbox
    let openFiles: UInt64 = try reader.readInteger()
    self.openFiles = openFiles == .max ? nil : openFiles
  }
}
