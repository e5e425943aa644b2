// SPDX-License-Identifier: ISC

package import Mail

/// Delivery to lookup.
package enum DeliveryToLookup: EdgeMessage {
  /// What do the tables of this relaying action say, for mail to this domain in lower case?
  case relay(token: UInt64, action: String, domain: String)

  /// See `schema/edges.md`.
  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .relay(let token, let action, let domain):
      writer.write(UInt8(1))
      writer.write(token)
      writer.write(action)
      writer.write(domain)
    }
  }

  /// See `schema/edges.md`.
  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    guard try reader.readByte() == 1 else { throw .invalid(field: "message kind") }
    self = .relay(
      token: try reader.readInteger(),
      action: try reader.readString(of: "action", atMost: EdgeLimits.text),
      domain: try reader.readString(of: "domain", atMost: EdgeLimits.text)
    )
  }
}

/// Lookup to delivery.
package enum LookupToDelivery: EdgeMessage {
  case relay(token: UInt64, RelayFacts)
  /// The tables do not say; another time they may.
  case refused(token: UInt64, reason: String)

  /// See `schema/edges.md`.
  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .relay(let token, let facts):
      writer.write(UInt8(1))
      writer.write(token)
      facts.encode(into: &writer)
    case .refused(let token, let reason):
      writer.write(UInt8(2))
      writer.write(token)
      writer.write(clipped: reason)
    }
  }

  /// See `schema/edges.md`.
  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    let kind = try reader.readByte()
    let token: UInt64 = try reader.readInteger()
    switch kind {
    case 1: self = .relay(token: token, try RelayFacts(decoding: &reader))
    case 2:
      self = .refused(
        token: token,
        reason: try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
    default: throw .invalid(field: "message kind")
    }
  }
}

/// What the tables of a relay say for one delivery.
package struct RelayFacts: Equatable, Sendable {
  /// Bounds of what travels.
  package enum Limits {
    /// Local addresses.
    package static let sources = 256
    /// Names by local address.
    package static let names = 1024
  }

  /// A name that this host goes by at one of its addresses.
  package struct HeloName: Equatable, Sendable {
    package var address: IPAddress
    package var name: String

    package init(address: IPAddress, name: String) {
      self.address = address
      self.name = name
    }
  }

  /// A relay URL; nil when no table says.
  package var host: String?
  /// Local addresses to send from.
  package var sources: [IPAddress]
  /// Names for HELO.
  package var heloNames: [HeloName]

  package init(host: String?, sources: [IPAddress], heloNames: [HeloName]) {
    self.host = host
    self.sources = sources
    self.heloNames = heloNames
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(clipped: host ?? "")
    writer.writeVariable(UInt64(sources.count))
    for source in sources { writer.write(source) }
    writer.writeVariable(UInt64(heloNames.count))
    for name in heloNames {
      writer.write(name.address)
      writer.write(clipped: name.name)
    }
  }

  init(decoding reader: inout ByteReader) throws(DecodingError) {
    let host = try reader.readString(of: "host", atMost: EdgeLimits.text)
    self.host = host.isEmpty ? nil : host
    sources = []
    for _ in 0..<(try reader.readCount(of: "sources", atMost: Limits.sources)) {
      sources.append(try reader.readIPAddress())
    }
    heloNames = []
    for _ in 0..<(try reader.readCount(of: "names", atMost: Limits.names)) {
      heloNames.append(
        HeloName(
          address: try reader.readIPAddress(),
          name: try reader.readString(of: "name", atMost: EdgeLimits.text)
        )
      )
    }
  }
}

extension ByteWriter {
  /// The family's number, then the address.
  package mutating func write(_ address: IPAddress) {
    switch address {
    case .inet4(let value):
      write(UInt8(4))
      write(value)
    case .inet6(let high, let low):
      write(UInt8(6))
      write(high)
      write(low)
    }
  }
}

extension ByteReader {
  /// An address as the writer has it.
  package mutating func readIPAddress() throws(DecodingError) -> IPAddress {
    switch try readByte() {
    case 4: .inet4(try readInteger())
    case 6: .inet6(try readInteger(), try readInteger())
    default: throw .invalid(field: "address")
    }
  }
}
