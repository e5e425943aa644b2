// SPDX-License-Identifier: ISC

package import Mail
internal import Queue

/// Lookup to accounts.
package enum LookupToAccounts: EdgeMessage {
  /// Who is this?
  case user(token: UInt64, name: String)
  /// Who is this, and what does his `~/.forward` say?
  case userAndForward(token: UInt64, name: String)
  /// What does the `~/.forward` of this account of a table say?
  case forward(token: UInt64, uid: UInt32, gid: UInt32, home: String)
  /// What does the list at this absolute path say? It is read as the user of commands of aliases.
  case list(token: UInt64, path: String)
  /// Is this, from a client there, the password of that user of the system?
  case authenticate(token: UInt64, name: String, source: SourceAddress, Secret)

  /// Which question it is.
  package var token: UInt64 {
    switch self {
    case .user(let token, _), .userAndForward(let token, _), .forward(let token, _, _, _),
      .list(let token, _), .authenticate(let token, _, _, _):
      token
    }
  }

  /// A password is in it.
  package var isSecret: Bool { if case .authenticate = self { true } else { false } }

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .user(let token, let name):
      writer.write(UInt8(1))
      writer.write(token)
      writer.write(name)
    case .userAndForward(let token, let name):
      writer.write(UInt8(2))
      writer.write(token)
      writer.write(name)
    case .forward(let token, let uid, let gid, let home):
      writer.write(UInt8(3))
      writer.write(token)
      writer.write(uid)
      writer.write(gid)
      writer.write(home)
    case .list(let token, let path):
      writer.write(UInt8(4))
      writer.write(token)
      writer.write(path)
    case .authenticate(let token, let name, let source, let password):
      writer.write(UInt8(5))
      writer.write(token)
      writer.write(name)
      writer.write(source)
      writer.write(password)
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    let kind = try reader.readByte()
    let token: UInt64 = try reader.readInteger()
    switch kind {
    case 1:
      let name = try reader.readString(of: "user", atMost: RecordLimits.name)
      self = .user(token: token, name: name)
    case 2:
      let name = try reader.readString(of: "user", atMost: RecordLimits.name)
      self = .userAndForward(token: token, name: name)
    case 3:
      self = .forward(
        token: token,
        uid: try reader.readInteger(),
        gid: try reader.readInteger(),
        home: try reader.readString(of: "home", atMost: EdgeLimits.path)
      )
    case 4:
      let path = try reader.readString(of: "path", atMost: EdgeLimits.path)
      self = .list(token: token, path: path)
    case 5:
      self = .authenticate(
        token: token,
        name: try reader.readUser(),
        source: try reader.readSource(),
        try reader.readSecret(atMost: AuthenticationQuestion.Limits.password)
      )
    default: throw .invalid(field: "message kind")
    }
  }
}

/// Accounts to lookup.
package enum AccountsToLookup: EdgeMessage {
  /// The file is `none` when it was not asked for.
  case found(token: UInt64, uid: UInt32, gid: UInt32, home: String, ForwardFile)
  case absent(token: UInt64)
  /// The user database could not be asked now.
  case failed(token: UInt64)
  case forward(token: UInt64, ForwardFile)
  case list(token: UInt64, [UInt8], isOfAdministrator: Bool)
  /// The list is no regular file, or others than its owner may write to it.
  case listRefused(token: UInt64)
  case authentication(token: UInt64, AuthenticationQuestion.Verdict)

  /// Which question it answers.
  package var token: UInt64 {
    switch self {
    case .found(let token, _, _, _, _), .absent(let token), .failed(let token),
      .forward(let token, _), .list(let token, _, _), .listRefused(let token),
      .authentication(let token, _):
      token
    }
  }

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .found(let token, let uid, let gid, let home, let file):
      writer.write(UInt8(1))
      writer.write(token)
      writer.write(uid)
      writer.write(gid)
      writer.write(home)
      AccountsToLookup.write(file, to: &writer)
    case .absent(let token):
      writer.write(UInt8(2))
      writer.write(token)
    case .failed(let token):
      writer.write(UInt8(3))
      writer.write(token)
    case .forward(let token, let file):
      writer.write(UInt8(4))
      writer.write(token)
      AccountsToLookup.write(file, to: &writer)
    case .list(let token, let bytes, let isOfAdministrator):
      writer.write(UInt8(5))
      writer.write(token)
      writer.write(UInt8(isOfAdministrator ? 1 : 0))
      writer.write(bytes)
    case .listRefused(let token):
      writer.write(UInt8(6))
      writer.write(token)
    case .authentication(let token, let verdict):
      writer.write(UInt8(7))
      writer.write(token)
      writer.write(verdict.rawValue)
    }
  }

  private static func write(_ file: ForwardFile, to writer: inout ByteWriter) {
    switch file {
    case .none: writer.write(UInt8(0))
    case .content(let bytes):
      writer.write(UInt8(1))
      writer.write(bytes)
    case .insecure: writer.write(UInt8(2))
    case .held: writer.write(UInt8(3))
    case .tooLarge: writer.write(UInt8(4))
    case .failed: writer.write(UInt8(5))
    }
  }

  private static func file(_ reader: inout ByteReader) throws(DecodingError) -> ForwardFile {
    switch try reader.readByte() {
    case 0: .none
    case 1: .content(try reader.readBytes(of: "forward file", atMost: ForwardFile.sizeMax))
    case 2: .insecure
    case 3: .held
    case 4: .tooLarge
    case 5: .failed
    default: throw .invalid(field: "forward file")
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    let kind = try reader.readByte()
    let token: UInt64 = try reader.readInteger()
    switch kind {
    case 1:
      self = .found(
        token: token,
        uid: try reader.readInteger(),
        gid: try reader.readInteger(),
        home: try reader.readString(of: "home", atMost: EdgeLimits.path),
        try AccountsToLookup.file(&reader)
      )
    case 2: self = .absent(token: token)
    case 3: self = .failed(token: token)
    case 4: self = .forward(token: token, try AccountsToLookup.file(&reader))
    case 5:
      let owner = try reader.readByte()
      guard owner <= 1 else { throw .invalid(field: "owner") }
      let bytes = try reader.readBytes(of: "list", atMost: EdgeLimits.list)
      self = .list(token: token, bytes, isOfAdministrator: owner == 1)
    case 6: self = .listRefused(token: token)
    case 7: self = .authentication(token: token, try reader.readVerdict())
    default: throw .invalid(field: "message kind")
    }
  }
}
