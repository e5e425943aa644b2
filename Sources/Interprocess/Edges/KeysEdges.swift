// SPDX-License-Identifier: ISC

package import Mail

/// Frontend or delivery to keys.
package enum ToKeys: EdgeMessage {
  /// Sign `input` with the key of that name.
  case sign(token: UInt64, SignatureQuestion)
  /// Certificates of this generation are shown from now on. Handshakes that began with those before it may
  /// be under way.
  case shows(generation: UInt32)

  /// See `schema/edges.md`.
  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .sign(let token, let question):
      writer.write(UInt8(1))
      writer.write(token)
      question.encode(into: &writer)
    case .shows(let generation):
      writer.write(UInt8(2))
      writer.write(generation)
    }
  }

  /// See `schema/edges.md`.
  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1:
      self = .sign(
        token: try reader.readInteger(),
        try SignatureQuestion(decoding: &reader)
      )
    case 2: self = .shows(generation: try reader.readInteger())
    default: throw .invalid(field: "message kind")
    }
  }
}

/// What is to be signed, and how: a digest, or with Ed25519 a short message.
package struct SignatureQuestion: Equatable, Sendable {
  /// Bounds of what travels; OpenSSL's side has the same.
  package enum Limits {
    /// Of the name of a key, in bytes.
    package static let name = 32
    /// Of what is signed, in bytes.
    package static let input = 512
    /// Of a signature, in bytes.
    package static let signature = 2048
    /// Keys of tickets in one message.
    package static let ticketKeys = 4
    /// Of one of them, in bytes.
    package static let ticketKey = 80
  }

  /// SHA-256 over the public half.
  package var key: [UInt8]
  /// `SigningRequest.Algorithm`.
  package var algorithm: UInt8
  /// The digest, or the message.
  package var input: [UInt8]

  /// A question about one signature.
  package init(key: [UInt8], algorithm: UInt8, input: [UInt8]) {
    self.key = key
    self.algorithm = algorithm
    self.input = input
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(key)
    writer.write(algorithm)
    writer.write(input)
  }

  init(decoding reader: inout ByteReader) throws(DecodingError) {
    key = try reader.readBytes(of: "key", atMost: Limits.name)
    algorithm = try reader.readByte()
    input = try reader.readBytes(of: "input", atMost: Limits.input)
    guard key.count == Limits.name else { throw .invalid(field: "key") }
  }
}

/// Keys to frontend or delivery.
package enum FromKeys: EdgeMessage {
  case signed(token: UInt64, [UInt8])
  /// There is no such key for this role, or the question does not fit it.
  case refused(token: UInt64)
  /// What session tickets are protected with from now on, the newest key first.
  case ticketKeys([[UInt8]])

  /// See `schema/edges.md`.
  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .signed(let token, let signature):
      writer.write(UInt8(1))
      writer.write(token)
      writer.write(signature)
    case .refused(let token):
      writer.write(UInt8(2))
      writer.write(token)
    case .ticketKeys(let keys):
      writer.write(UInt8(3))
      writer.writeVariable(UInt64(keys.count))
      for key in keys { writer.write(key) }
    }
  }

  /// See `schema/edges.md`.
  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1:
      self = .signed(
        token: try reader.readInteger(),
        try reader.readBytes(of: "signature", atMost: SignatureQuestion.Limits.signature)
      )
    case 2: self = .refused(token: try reader.readInteger())
    case 3:
      var keys: [[UInt8]] = []
      for _ in 0..<(try reader.readCount(of: "keys", atMost: SignatureQuestion.Limits.ticketKeys)) {
        keys.append(
          try reader.readBytes(of: "ticket key", atMost: SignatureQuestion.Limits.ticketKey)
        )
      }
      self = .ticketKeys(keys)
    default: throw .invalid(field: "message kind")
    }
  }
}
