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
  /// The command ended: what waitpid said, and how much of its input was read by nobody.
  case commandEnded(task: UInt64, status: Int32, unread: UInt32)
  /// End cleanly within so many milliseconds.
  case stop(milliseconds: UInt32)
  case verbosity(UInt8)
  /// To the queue: start with these subsystems paused (bits: 1 mda, 2 mta, 4 smtp).
  case paused(UInt8)
  /// To accounts: who is this? Answered with `resolved` or `unresolved`.
  case resolve(token: UInt64, user: String)
  /// To lookup: who is this in the action's `userbase`? Answered like `resolve`.
  case resolveUser(token: UInt64, action: String, user: String)
  /// To lookup: does a table of the action hold this command or file now? Answered with `confirmed` or
  /// `refuted`.
  case confirmNode(token: UInt64, action: String, method: LocalDelivery.Method)
  /// To lookup: a table's file. Descriptor: the file. With token 0 it is what the table says from the
  /// start; otherwise the answer to `openTable`.
  case table(index: UInt16, token: UInt64)
  /// To lookup: another file is where the table's was. To be asked for with `openTable`, and told of again
  /// until it is.
  case tableChanged(index: UInt16)
  /// To lookup: a table's file cannot be opened.
  case tableFailed(index: UInt16, token: UInt64, reason: String)
  /// A connection to the local socket of an action. Descriptor: the connected socket.
  case connected(task: UInt64)
  /// Certificates, at the start and at each renewal. Descriptors: a `CertificatePackage` as a sealed file; to
  /// keys besides, where keys are encrypted, the sealed file of their passphrases.
  case certificates
  /// To keys: the same, of which the chain at this place alone is renewed; the rest is not looked at. The
  /// answer to `updateCertificates`.
  case certificatesOfOne(place: UInt16, token: UInt64)
  /// To keys, behind either of them. Descriptors: the private keys' files, in the order of its chains.
  case keyFiles
  /// To keys, the other answer to `updateCertificates`: everything stays as it is.
  case certificatesUnreadable(token: UInt64, reason: String)
  /// To accounts: a program that asks PAM. Descriptor: its socket, which keeps messages apart.
  case verifier(token: UInt64)
  /// To accounts: PAM cannot be asked now.
  case verifierRefused(token: UInt64, reason: String)

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
    case .commandStarted(let task): writer.write(kind: 4, task)
    case .commandFailed(let task, let reason): writer.write(kind: 5, task, clipped: reason)
    case .commandEnded(let task, let status, let unread):
      writer.write(UInt8(6))
      writer.write(task)
      writer.write(UInt32(bitPattern: status))
      writer.write(unread)
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
    case .resolveUser(let token, let action, let user):
      writer.write(UInt8(32))
      writer.write(token)
      writer.write(action)
      writer.write(user)
    case .confirmNode(let token, let action, let method):
      writer.write(UInt8(12))
      writer.write(token)
      writer.write(action)
      writer.write(method)
    case .connected(let task): writer.write(kind: 13, task)
    case .table(let index, let token):
      writer.write(UInt8(30))
      writer.write(index)
      writer.write(token)
    case .tableFailed(let index, let token, let reason):
      writer.write(UInt8(31))
      writer.write(index)
      writer.write(token)
      writer.write(clipped: reason)
    case .tableChanged(let index):
      writer.write(UInt8(35))
      writer.write(index)
    case .certificates: writer.write(UInt8(20))
    case .certificatesOfOne(let place, let token):
      writer.write(UInt8(23))
      writer.write(place)
      writer.write(token)
    case .keyFiles: writer.write(UInt8(21))
    case .certificatesUnreadable(let token, let reason):
      writer.write(kind: 22, token, clipped: reason)
    case .verifier(let token): writer.write(kind: 33, token)
    case .verifierRefused(let token, let reason): writer.write(kind: 34, token, clipped: reason)
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    let kind = try reader.readByte()
    switch kind {
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
        status: Int32(bitPattern: try reader.readInteger(UInt32.self)),
        unread: try reader.readInteger()
      )
    case 7: self = .stop(milliseconds: try reader.readInteger())
    case 8: self = .verbosity(try reader.readByte())
    case 9: self = .paused(try reader.readByte())
    case 10:
      self = .resolve(
        token: try reader.readInteger(),
        user: try reader.readString(of: "user", atMost: RecordLimits.name)
      )
    case 32:
      self = .resolveUser(
        token: try reader.readInteger(),
        action: try reader.readString(of: "action", atMost: RecordLimits.name),
        user: try reader.readString(of: "user", atMost: RecordLimits.name)
      )
    case 12:
      self = .confirmNode(
        token: try reader.readInteger(),
        action: try reader.readString(of: "action", atMost: RecordLimits.name),
        method: try reader.readMethod()
      )
    case 13: self = .connected(task: try reader.readInteger())
    case 30: self = .table(index: try reader.readInteger(), token: try reader.readInteger())
    case 31:
      self = .tableFailed(
        index: try reader.readInteger(),
        token: try reader.readInteger(),
        reason: try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
    case 35: self = .tableChanged(index: try reader.readInteger())
    case 20: self = .certificates
    case 23: self = try .certificatesOfOne(place: reader.readInteger(), token: reader.readInteger())
    case 21: self = .keyFiles
    case 22:
      self = .certificatesUnreadable(
        token: try reader.readInteger(),
        reason: try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
    case 33: self = .verifier(token: try reader.readInteger())
    case 34:
      self = .verifierRefused(
        token: try reader.readInteger(),
        reason: try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
    default: throw .invalid(field: "message kind")
    }
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
  /// From accounts, or from lookup about its `userbase`.
  case resolved(token: UInt64, uid: UInt32, gid: UInt32, home: String)
  case unresolved(token: UInt64, reason: String)
  /// What came over the edge to `peer` was no frame, and the edge was given up: another one, please.
  case edgeBroken(peer: Role)
  /// From lookup: the table holds it.
  case confirmed(token: UInt64)
  case refuted(token: UInt64, reason: String)
  /// From lookup: the file of a table, opened anew. Answered by `table` or `tableFailed`.
  case openTable(index: UInt16, token: UInt64)
  /// From lookup: the file of that answer is what the table says from now on.
  case tableTaken(index: UInt16, token: UInt64)
  /// From lookup: that file is of no use, and what the table said before counts.
  case tableRefused(token: UInt64)
  /// From delivery: connect to the local socket of an action. Answered with `connected` or
  /// `commandFailed`.
  case connect(task: UInt64, action: String)
  /// From the queue: an operator has resumed these subsystems (bits as in `SupervisorToRole.paused`).
  case resumed(UInt8)
  /// From keys, about every package of certificates that it was handed, in their order.
  case keysChecked(KeysReport)
  /// From keys, for an operator: read the files of this `pki` again. Answered with `certificatesOfOne` or
  /// `certificatesUnreadable`.
  case updateCertificates(token: UInt64, name: String)
  /// From accounts: start a program that asks PAM about one password. Answered with `verifier` or
  /// `verifierRefused`.
  case verify(token: UInt64)

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
    case .confirmed(let token):
      writer.write(UInt8(10))
      writer.write(token)
    case .refuted(let token, let reason):
      writer.write(UInt8(11))
      writer.write(token)
      writer.write(clipped: reason)
    case .connect(let task, let action):
      writer.write(UInt8(12))
      writer.write(task)
      writer.write(action)
    case .resumed(let subsystems):
      writer.write(UInt8(13))
      writer.write(subsystems)
    case .openTable(let index, let token):
      writer.write(UInt8(30))
      writer.write(index)
      writer.write(token)
    case .tableTaken(let index, let token):
      writer.write(UInt8(31))
      writer.write(index)
      writer.write(token)
    case .tableRefused(let token):
      writer.write(UInt8(32))
      writer.write(token)
    case .keysChecked(let report):
      writer.write(UInt8(20))
      report.encode(into: &writer)
    case .updateCertificates(let token, let name):
      writer.write(UInt8(21))
      writer.write(token)
      writer.write(clipped: name)
    case .verify(let token):
      writer.write(UInt8(33))
      writer.write(token)
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
    case 10: self = .confirmed(token: try reader.readInteger())
    case 11:
      self = .refuted(
        token: try reader.readInteger(),
        reason: try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
    case 12:
      self = .connect(
        task: try reader.readInteger(),
        action: try reader.readString(of: "action", atMost: RecordLimits.name)
      )
    case 13: self = .resumed(try reader.readByte())
    case 30: self = .openTable(index: try reader.readInteger(), token: try reader.readInteger())
    case 31: self = .tableTaken(index: try reader.readInteger(), token: try reader.readInteger())
    case 32: self = .tableRefused(token: try reader.readInteger())
    case 20: self = .keysChecked(try KeysReport(decoding: &reader))
    case 21:
      self = .updateCertificates(
        token: try reader.readInteger(),
        name: try reader.readString(of: "name", atMost: EdgeLimits.text)
      )
    case 33: self = .verify(token: try reader.readInteger())
    default: throw .invalid(field: "message kind")
    }
  }
}

extension ByteWriter {
  /// A message that is a number alone.
  fileprivate mutating func write(kind: UInt8, _ number: UInt64) {
    write(kind)
    write(number)
  }

  /// One that is a number and a text.
  fileprivate mutating func write(kind: UInt8, _ number: UInt64, clipped text: String) {
    write(kind: kind, number)
    write(clipped: text)
  }
}
