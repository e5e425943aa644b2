// SPDX-License-Identifier: ISC

internal import Mail

extension TableDeclaration: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(name)
    switch content {
    case .list(let entries):
      writer.write(UInt8(0))
      writer.write(records: entries)
    case .map(let pairs):
      writer.write(UInt8(1))
      writer.write(records: pairs)
    case .file(let path):
      writer.write(UInt8(2))
      writer.write(path)
    case .systemAccounts:
      writer.write(UInt8(3))
    case .database(let path):
      writer.write(UInt8(4))
      writer.write(path)
    case .helper(.command(let command)):
      writer.write(UInt8(5))
      writer.write(command)
    case .helper(.named(let type, let path)):
      writer.write(UInt8(6))
      writer.write(type)
      writer.write(path)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    name = try reader.readRecord()
    content =
      switch try reader.readByte() {
      case 0: .list(try reader.readRecords())
      case 1: .map(try reader.readRecords())
      case 2: .file(try reader.readRecord())
      case 3: .systemAccounts
      case 4: .database(try reader.readRecord())
      case 5: .helper(.command(try reader.readRecord()))
      case 6: .helper(.named(try reader.readRecord(), path: try reader.readRecord()))
      default: throw .invalid(field: "table content")
      }
  }
}

extension TableDeclaration.Pair: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(key)
    writer.write(value)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(key: try reader.readRecord(), value: try reader.readRecord())
  }
}

extension TableIndex: Record {
  func write(to writer: inout ByteWriter) { writer.write(number: rawValue) }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(try reader.readNumber())
  }
}

extension Rule.Test: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(record: table)
    writer.write(comparison.rawValue)
    writer.write(sense.rawValue)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(
      table: try reader.readRecord(),
      comparison: try reader.readEnumeration(),
      sense: try reader.readEnumeration()
    )
  }
}

extension Rule.Sense: Record {
  func write(to writer: inout ByteWriter) { writer.write(rawValue) }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self = try reader.readEnumeration()
  }
}
