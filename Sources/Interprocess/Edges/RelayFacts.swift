// SPDX-License-Identifier: ISC

package import Mail

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
