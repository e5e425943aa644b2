// SPDX-License-Identifier: ISC

internal import Mail

extension DeliveryAction.Relay: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(records: hosts)
    writer.write(optional: helo)
    writer.write(number: heloBySource.count)
    for (address, name) in heloBySource.sorted(by: { $0.key.description < $1.key.description }) {
      writer.write(record: address)
      writer.write(name)
    }
    writer.write(records: sources)
    writer.write(optional: rewrite)
    writer.write(optional: backup)
    writer.write(record: security)
    writer.write(optional: credentials)
    writer.write(optional: filter)
    writer.write(forwardedSender.rawValue)
    writer.write(record: tables)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init()
    hosts = try reader.readRecords()
    helo = try reader.readOptional()
    let count = try reader.readCount(of: "helo-src", atMost: ProjectionLimits.elements)
    for _ in 0..<count {
      let address: IPAddress = try reader.readRecord()
      heloBySource[address] = try reader.readRecord(String.self)
    }
    sources = try reader.readRecords()
    rewrite = try reader.readOptional()
    backup = try reader.readOptional()
    security = try reader.readRecord()
    credentials = try reader.readOptional()
    filter = try reader.readOptional()
    forwardedSender = try reader.readEnumeration()
    tables = try reader.readRecord()
  }
}

extension DeliveryAction.RelaySecurity: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(encryption.rawValue)
    writer.write(verification.rawValue)
    for text in [certificate, authority, ciphers, protocols] { writer.write(optional: text) }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init()
    encryption = try reader.readEnumeration()
    verification = try reader.readEnumeration()
    certificate = try reader.readOptional()
    authority = try reader.readOptional()
    ciphers = try reader.readOptional()
    protocols = try reader.readOptional()
  }
}

extension DeliveryAction.SenderRewrite: Record {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .address(let address):
      writer.write(UInt8(0))
      writer.write(record: address)
    case .local(let local):
      writer.write(UInt8(1))
      writer.write(local)
    case .domain(let domain):
      writer.write(UInt8(2))
      writer.write(domain)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self =
      switch try reader.readByte() {
      case 0: .address(try reader.readRecord())
      case 1: .local(try reader.readRecord())
      case 2: .domain(try reader.readRecord())
      default: throw .invalid(field: "mail-from")
      }
  }
}

extension RelayURL: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(transport.rawValue)
    writer.write(optional: label)
    writer.write(record: host)
    writer.write(port)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    transport = try reader.readEnumeration()
    label = try reader.readOptional()
    host = try reader.readRecord()
    port = try reader.readInteger()
  }
}

extension RelayURL.Host: Record {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .name(let name):
      writer.write(UInt8(0))
      writer.write(name)
    case .address(let address):
      writer.write(UInt8(1))
      writer.write(record: address)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self =
      switch try reader.readByte() {
      case 0: .name(try reader.readRecord())
      case 1: .address(try reader.readRecord())
      default: throw .invalid(field: "host")
      }
  }
}
