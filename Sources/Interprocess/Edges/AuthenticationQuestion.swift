// SPDX-License-Identifier: ISC

package import Mail

/// A client of a listener says who it is.
package struct AuthenticationQuestion: Equatable, Sendable {
  /// Bounds of what travels; a session takes no more.
  package enum Limits {
    /// Of the user's name, in bytes.
    package static let user = 255
    /// Of the password, in bytes.
    package static let password = 9216
  }

  /// As whom the user asks to act.
  package enum Role: UInt8, Sendable {
    case own = 0
    /// As another user, which is denied, and counts as a wrong password.
    case another = 1
  }

  /// What becomes of it.
  package enum Verdict: UInt8, Sendable {
    case accepted = 0
    /// No such user, or a wrong password.
    case denied = 1
    /// It could not be found out.
    case failed = 2
    /// It was not looked at, for too many were wrong that came from that address.
    case barred = 3
  }

  /// Given back with the verdict.
  package var token: UInt64
  /// Whose table is asked.
  package var listener: UInt16
  /// Where the client is.
  package var source: SourceAddress
  /// Without control characters.
  package var user: String
  /// As the client gave it; empty for who asks to act as another.
  package var password: Secret
  /// As whom he asks to act.
  package var role: Role

  /// A question about one AUTH.
  package init(
    token: UInt64,
    listener: UInt16,
    source: SourceAddress,
    user: String,
    password: Secret,
    role: Role = .own
  ) {
    self.token = token
    self.listener = listener
    self.source = source
    self.user = user
    self.password = password
    self.role = role
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(token)
    writer.write(listener)
    writer.write(source)
    writer.write(user)
    writer.write(password)
    writer.write(role.rawValue)
  }

  init(decoding reader: inout ByteReader) throws(DecodingError) {
    token = try reader.readInteger()
    listener = try reader.readInteger()
    source = try reader.readSource()
    user = try reader.readUser()
    password = try reader.readSecret(atMost: Limits.password)
    guard let role = Role(rawValue: try reader.readByte()) else { throw .invalid(field: "role") }
    self.role = role
  }
}

/// A client that authenticated wants to send from an address.
package struct SenderQuestion: Equatable, Sendable {
  /// Whether it may.
  package enum Verdict: UInt8, Sendable {
    case granted = 0
    case denied = 1
    /// It could not be found out.
    case failed = 2
  }

  /// Given back with the verdict.
  package var token: UInt64
  /// Whose table is asked.
  package var listener: UInt16
  /// Who it is.
  package var user: String
  /// Nil is the null reverse path.
  package var sender: Address?

  /// A question about one MAIL.
  package init(token: UInt64, listener: UInt16, user: String, sender: Address?) {
    self.token = token
    self.listener = listener
    self.user = user
    self.sender = sender
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(token)
    writer.write(listener)
    writer.write(user)
    writer.write(sender)
  }

  init(decoding reader: inout ByteReader) throws(DecodingError) {
    token = try reader.readInteger()
    listener = try reader.readInteger()
    user = try reader.readUser()
    sender = try reader.readAddress()
  }
}

extension ByteWriter {
  /// Bytes that whoever decodes them holds as a secret again.
  mutating func write(_ secret: Secret) {
    writeVariable(UInt64(secret.count))
    for byte in secret.withBytes({ $0 }) { write(byte) }
  }

  mutating func write(_ source: SourceAddress) {
    switch source {
    case .local: write(UInt8(0))
    case .inet4(let address):
      write(UInt8(4))
      write(address)
    case .inet6(let high, let low):
      write(UInt8(16))
      write(high)
      write(low)
    }
  }
}

extension ByteReader {
  mutating func readSecret(atMost limit: Int) throws(DecodingError) -> Secret {
    Secret(try readBytes(of: "secret", atMost: limit))
  }

  /// A name that a client, or a table, gave.
  mutating func readUser() throws(DecodingError) -> String {
    try readString(of: "user", atMost: AuthenticationQuestion.Limits.user)
  }

  mutating func readSource() throws(DecodingError) -> SourceAddress {
    switch try readByte() {
    case 0: .local
    case 4: .inet4(try readInteger())
    case 16: .inet6(try readInteger(), try readInteger())
    default: throw .invalid(field: "source address")
    }
  }

  mutating func readVerdict<Verdict: RawRepresentable<UInt8>>() throws(DecodingError) -> Verdict {
    guard let verdict = Verdict(rawValue: try readByte()) else { throw .invalid(field: "verdict") }
    return verdict
  }
}
