// SPDX-License-Identifier: ISC

package import Mail

/// Delivery to lookup.
package enum DeliveryToLookup: EdgeMessage {
  /// Who are we at the host with this label of this action?
  case login(token: UInt64, action: String, label: String)
  /// What do the tables of this relaying action say, for mail to this domain in lower case?
  case relay(token: UInt64, action: String, domain: String)

  /// Bounds of what travels.
  package enum Limits {
    /// Of an action's name, of a label and of a domain, in bytes.
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
    case .relay(let token, let action, let domain):
      writer.write(UInt8(2))
      writer.write(token)
      writer.write(action)
      writer.write(domain)
    }
  }

  /// See `schema/edges.md`.
  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    let kind = try reader.readByte()
    let token: UInt64 = try reader.readInteger()
    let action = try reader.readString(of: "action", atMost: Limits.name)
    let subject = try reader.readString(of: "label or domain", atMost: Limits.name)
    switch kind {
    case 1: self = .login(token: token, action: action, label: subject)
    case 2: self = .relay(token: token, action: action, domain: subject)
    default: throw .invalid(field: "message kind")
    }
  }
}

/// Lookup to delivery.
package enum LookupToDelivery: EdgeMessage {
  case login(token: UInt64, user: String, Secret)
  /// The action's table has no such label.
  case absent(token: UInt64)
  /// The table of credentials cannot be asked.
  case failed(token: UInt64)
  case relay(token: UInt64, RelayFacts)
  /// The tables of a relay do not say; another time they may.
  case refused(token: UInt64, reason: String)

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
    case .relay(let token, let facts):
      writer.write(UInt8(4))
      writer.write(token)
      facts.encode(into: &writer)
    case .refused(let token, let reason):
      writer.write(UInt8(5))
      writer.write(token)
      writer.write(clipped: reason)
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
    case 4: self = .relay(token: token, try RelayFacts(decoding: &reader))
    case 5:
      self = .refused(
        token: token,
        reason: try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
    default: throw .invalid(field: "message kind")
    }
  }
}
