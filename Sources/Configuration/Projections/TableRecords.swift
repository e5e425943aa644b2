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

extension Rule.Test: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(number: table.rawValue)
    writer.write(comparison.rawValue)
    writer.write(sense.rawValue)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(
      table: TableIndex(try reader.readNumber()),
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
