// SPDX-License-Identifier: ISC

package import Mail

/// Delivery to lookup.
package enum DeliveryToLookup: EdgeMessage {
  /// Who are we at the host with this label of this action?
  case login(token: UInt64, action: String, label: String)

  /// Bounds of what travels.
  package enum Limits {
    /// Of an action's name and of a label, in bytes.
    package static let name = 8192
    /// Of a user and of a password, in bytes.
    package static let login = 8192
  }

  /// See `schema/edges.md`.
  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .login(let token, let action, let label):
      writer.write(UInt8(1))
      writer.write(token)
      writer.write(action)
      writer.write(label)
    }
  }

  /// See `schema/edges.md`.
  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    guard try reader.readByte() == 1 else { throw .invalid(field: "message kind") }
    self = .login(
      token: try reader.readInteger(),
      action: try reader.readString(of: "action", atMost: Limits.name),
      label: try reader.readString(of: "label", atMost: Limits.name)
    )
  }
}

/// Lookup to delivery.
package enum LookupToDelivery: EdgeMessage {
  case login(token: UInt64, user: String, Secret)
  /// The action's table has no such label.
  case absent(token: UInt64)
  /// The table cannot be asked.
  case failed(token: UInt64)

  /// A password is in it.
  package var isSecret: Bool { if case .login = self { true } else { false } }

  /// See `schema/edges.md`.
  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .login(let token, let user, let password):
      writer.write(UInt8(1))
      writer.write(token)
      writer.write(user)
      writer.write(password)
    case .absent(let token):
      writer.write(UInt8(2))
      writer.write(token)
    case .failed(let token):
      writer.write(UInt8(3))
      writer.write(token)
    }
  }

  /// See `schema/edges.md`.
  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    let kind = try reader.readByte()
    let token: UInt64 = try reader.readInteger()
    switch kind {
    case 1:
      self = .login(
        token: token,
        user: try reader.readString(of: "user", atMost: DeliveryToLookup.Limits.login),
        try reader.readSecret(atMost: DeliveryToLookup.Limits.login)
      )
    case 2: self = .absent(token: token)
    case 3: self = .failed(token: token)
    default: throw .invalid(field: "message kind")
    }
  }
}
