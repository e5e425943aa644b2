// SPDX-License-Identifier: ISC

package import Mail
internal import Queue

/// Lookup to accounts.
package enum LookupToAccounts: EdgeMessage {
  case user(token: UInt64, name: String)

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .user(let token, let name):
      writer.write(UInt8(1))
      writer.write(token)
      writer.write(name)
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    guard try reader.readByte() == 1 else { throw .invalid(field: "message kind") }
    self = .user(
      token: try reader.readInteger(),
      name: try reader.readString(of: "user", atMost: RecordLimits.name)
    )
  }
}

/// Accounts to lookup.
package enum AccountsToLookup: EdgeMessage {
  case found(token: UInt64, uid: UInt32, gid: UInt32, home: String)
  case absent(token: UInt64)
  /// The user database could not be asked now.
  case failed(token: UInt64)

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .found(let token, let uid, let gid, let home):
      writer.write(UInt8(1))
      writer.write(token)
      writer.write(uid)
      writer.write(gid)
      writer.write(home)
    case .absent(let token):
      writer.write(UInt8(2))
      writer.write(token)
    case .failed(let token):
      writer.write(UInt8(3))
      writer.write(token)
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
        home: try reader.readString(of: "home", atMost: 4096)
      )
    case 2: self = .absent(token: token)
    case 3: self = .failed(token: token)
    default: throw .invalid(field: "message kind")
    }
  }
}
