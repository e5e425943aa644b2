// SPDX-License-Identifier: ISC

package import Mail
internal import Queue

/// Supervisor to role. Descriptors travel beside the message, in the order that the case says.
package enum SupervisorToRole: EdgeMessage {
  /// First, once. Descriptor: the role's projection as a sealed file.
  case configure(RoleIdentity)
  /// A new edge to `peer`. Descriptor: its end. It replaces an older one, which is drained first.
  case edge(peer: Role, generation: UInt32)
  /// Descriptors: listening sockets, in the order of the projection's listeners.
  case listeners(first: UInt16)
  /// A command runs. Descriptors: its standard input, its output.
  case commandStarted(task: UInt64)
  case commandFailed(task: UInt64, reason: String)
  /// The command ended: what waitpid said.
  case commandEnded(task: UInt64, status: Int32)
  /// End cleanly within so many milliseconds.
  case stop(milliseconds: UInt32)
  case verbosity(UInt8)
  /// Start with these subsystems paused (bits: 1 mda, 2 mta, 4 smtp).
  case paused(UInt8)
  /// To accounts: who is this? Answered with `resolved` or `unresolved`.
  case resolve(token: UInt64, user: String)
  /// Certificates, at the start and at each renewal. Descriptor: a `CertificatePackage` as a sealed file.
  case certificates
  /// To keys, behind `certificates`. Descriptors: the private keys' files, in the order of its chains.
  case keyFiles
  /// To keys: the files cannot be read, and everything stays as it is.
  case certificatesUnreadable(reason: String)

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .configure(let identity):
      writer.write(UInt8(1))
      identity.encode(into: &writer)
    case .edge(let peer, let generation):
      writer.write(UInt8(2))
      writer.write(peer.rawValue)
      writer.write(generation)
    case .listeners(let first):
      writer.write(UInt8(3))
      writer.write(first)
    case .commandStarted(let task):
      writer.write(UInt8(4))
      writer.write(task)
    case .commandFailed(let task, let reason):
      writer.write(UInt8(5))
      writer.write(task)
      writer.write(clipped: reason)
    case .commandEnded(let task, let status):
      writer.write(UInt8(6))
      writer.write(task)
      writer.write(UInt32(bitPattern: status))
    case .stop(let milliseconds):
      writer.write(UInt8(7))
      writer.write(milliseconds)
    case .verbosity(let level):
      writer.write(UInt8(8))
      writer.write(level)
    case .paused(let subsystems):
      writer.write(UInt8(9))
      writer.write(subsystems)
    case .resolve(let token, let user):
      writer.write(UInt8(10))
      writer.write(token)
      writer.write(user)
    case .certificates: writer.write(UInt8(20))
    case .keyFiles: writer.write(UInt8(21))
    case .certificatesUnreadable(let reason):
      writer.write(UInt8(22))
      writer.write(clipped: reason)
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1: self = .configure(try RoleIdentity(decoding: &reader))
    case 2:
      guard let peer = Role(rawValue: try reader.readString(of: "role", atMost: 32)) else {
        throw .invalid(field: "role")
      }
      self = .edge(peer: peer, generation: try reader.readInteger())
    case 3: self = .listeners(first: try reader.readInteger())
    case 4: self = .commandStarted(task: try reader.readInteger())
    case 5:
      self = .commandFailed(
        task: try reader.readInteger(),
        reason: try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
    case 6:
      let task: UInt64 = try reader.readInteger()
      self = .commandEnded(
        task: task,
        status: Int32(bitPattern: try reader.readInteger(UInt32.self))
      )
    case 7: self = .stop(milliseconds: try reader.readInteger())
    case 8: self = .verbosity(try reader.readByte())
    case 9: self = .paused(try reader.readByte())
    case 10:
      self = .resolve(
        token: try reader.readInteger(),
        user: try reader.readString(of: "user", atMost: RecordLimits.name)
      )
    case 20: self = .certificates
    case 21: self = .keyFiles
    case 22:
      self = .certificatesUnreadable(
        reason: try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
    default: throw .invalid(field: "message kind")
    }
  }
}

/// Who a role becomes before it does anything.
package struct RoleIdentity: Equatable, Sendable {
  /// The directory that becomes its root; nil without root's rights.
  package var root: String?
  /// nil: stay who started the server.
  package var uid: UInt32?
  package var gid: UInt32?
  /// The spool as this role will see it.
  package var spool: String
  /// The user who started the server.
  package var owner: UInt32

  package init(root: String?, uid: UInt32?, gid: UInt32?, spool: String, owner: UInt32) {
    self.root = root
    self.uid = uid
    self.gid = gid
    self.spool = spool
    self.owner = owner
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(root ?? "")
    writer.write(uid ?? .max)
    writer.write(gid ?? .max)
    writer.write(spool)
    writer.write(owner)
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    let root = try reader.readString(of: "root", atMost: 4096)
    self.root = root.isEmpty ? nil : root
    let uid: UInt32 = try reader.readInteger()
    let gid: UInt32 = try reader.readInteger()
    self.uid = uid == .max ? nil : uid
    self.gid = gid == .max ? nil : gid
    spool = try reader.readString(of: "spool", atMost: 4096)
    owner = try reader.readInteger()
  }
}

/// Role to supervisor.
package enum RoleToSupervisor: EdgeMessage {
  /// The role does its work from now on.
  case ready
  /// The role cannot do its work and will not be able to: the service ends with this text.
  case impossible(String)
  /// Run the command of an action for one local delivery.
  case startCommand(CommandRequest)
  /// End the command and everything in its session.
  case endCommand(task: UInt64)
  /// The feeding side has written everything and closed; the command may take its input as whole.
  case fed(task: UInt64)
  /// Everybody's log level (1: verbose).
  case verbosity(UInt8)
  /// From accounts.
  case resolved(token: UInt64, uid: UInt32, gid: UInt32, home: String)
  case unresolved(token: UInt64, reason: String)
  /// What came over the edge to `peer` was no frame, and the edge was given up: another one, please.
  case edgeBroken(peer: Role)
  /// From keys: whether the certificates of that generation and their keys can be used; empty: they can.
  case keysChecked(generation: UInt32, fault: String)
  /// From keys, for an operator: read the certificates again. The name of a `pki`; empty: of all.
  case updateCertificates(name: String)

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .ready: writer.write(UInt8(1))
    case .impossible(let text):
      writer.write(UInt8(2))
      writer.write(clipped: text)
    case .startCommand(let request):
      writer.write(UInt8(3))
      request.encode(into: &writer)
    case .endCommand(let task):
      writer.write(UInt8(4))
      writer.write(task)
    case .fed(let task):
      writer.write(UInt8(5))
      writer.write(task)
    case .verbosity(let level):
      writer.write(UInt8(6))
      writer.write(level)
    case .resolved(let token, let uid, let gid, let home):
      writer.write(UInt8(7))
      writer.write(token)
      writer.write(uid)
      writer.write(gid)
      writer.write(home)
    case .unresolved(let token, let reason):
      writer.write(UInt8(8))
      writer.write(token)
      writer.write(clipped: reason)
    case .edgeBroken(let peer):
      writer.write(UInt8(9))
      writer.write(peer.rawValue)
    case .keysChecked(let generation, let fault):
      writer.write(UInt8(20))
      writer.write(generation)
      writer.write(clipped: fault)
    case .updateCertificates(let name):
      writer.write(UInt8(21))
      writer.write(clipped: name)
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1: self = .ready
    case 2: self = .impossible(try reader.readString(of: "text", atMost: EdgeLimits.text))
    case 3: self = .startCommand(try CommandRequest(decoding: &reader))
    case 4: self = .endCommand(task: try reader.readInteger())
    case 5: self = .fed(task: try reader.readInteger())
    case 6: self = .verbosity(try reader.readByte())
    case 7:
      self = .resolved(
        token: try reader.readInteger(),
        uid: try reader.readInteger(),
        gid: try reader.readInteger(),
        home: try reader.readString(of: "home", atMost: 4096)
      )
    case 8:
      self = .unresolved(
        token: try reader.readInteger(),
        reason: try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
    case 9:
      guard let peer = Role(rawValue: try reader.readString(of: "role", atMost: 32)) else {
        throw .invalid(field: "role")
      }
      self = .edgeBroken(peer: peer)
    case 20:
      self = .keysChecked(
        generation: try reader.readInteger(),
        fault: try reader.readString(of: "fault", atMost: EdgeLimits.text)
      )
    case 21:
      self = .updateCertificates(
        name: try reader.readString(of: "name", atMost: EdgeLimits.text)
      )
    default: throw .invalid(field: "message kind")
    }
  }
}

/// What delivery may ask of the supervisor: an action by name, for a user by name. Never a command, a
/// path or a uid: those the supervisor takes from its own configuration and its own user database.
package struct CommandRequest: Equatable, Sendable {
  package var task: UInt64
  package var action: String
  package var user: String
  package var subaddress: String?
  package var sender: Address?
  package var recipient: Address
  package var destination: Address
  /// Of the message as it will be fed, in bytes.
  package var size: UInt64

  package init(
    task: UInt64,
    action: String,
    user: String,
    subaddress: String?,
    sender: Address?,
    recipient: Address,
    destination: Address,
    size: UInt64
  ) {
    self.task = task
    self.action = action
    self.user = user
    self.subaddress = subaddress
    self.sender = sender
    self.recipient = recipient
    self.destination = destination
    self.size = size
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(task)
    writer.write(action)
    writer.write(user)
    writer.write(subaddress ?? "")
    writer.write(sender)
    writer.write(recipient)
    writer.write(destination)
    writer.write(size)
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    task = try reader.readInteger()
    action = try reader.readString(of: "action", atMost: RecordLimits.name)
    user = try reader.readString(of: "user", atMost: RecordLimits.name)
    let subaddress = try reader.readString(of: "subaddress", atMost: RecordLimits.name)
    self.subaddress = subaddress.isEmpty ? nil : subaddress
    sender = try reader.readAddress()
    guard let recipient = try reader.readAddress(), let destination = try reader.readAddress()
    else { throw .invalid(field: "recipient") }
    self.recipient = recipient
    self.destination = destination
    size = try reader.readInteger()
  }
}
