// SPDX-License-Identifier: ISC

internal import Mail

extension Rule: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(number: line)
    writer.write(optional: tag)
    writer.write(record: source)
    writer.write(record: destination)
    writer.write(optional: helo)
    writer.write(optional: authentication)
    writer.write(optional: encryption)
    writer.write(optional: sender)
    writer.write(optional: recipient)
    switch outcome {
    case .reject:
      writer.write(number: 0)
    case .action(let index):
      writer.write(number: index + 1)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    line = try reader.readNumber()
    tag = try reader.readOptional()
    source = try reader.readRecord()
    destination = try reader.readRecord()
    helo = try reader.readOptional()
    authentication = try reader.readOptional()
    encryption = try reader.readOptional()
    sender = try reader.readOptional()
    recipient = try reader.readOptional()
    let action = try reader.readNumber()
    outcome = action == 0 ? .reject : .action(action - 1)
  }
}

extension Rule.Source: Record {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .any(let sense): writer.write(code: 0, sense)
    case .local(let sense): writer.write(code: 1, sense)
    case .socket(let sense): writer.write(code: 2, sense)
    case .address(let test): writer.write(code: 3, test)
    case .named(let sense): writer.write(code: 4, sense)
    case .reverseName(let test): writer.write(code: 5, test)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self =
      switch try reader.readByte() {
      case 0: .any(try reader.readRecord())
      case 1: .local(try reader.readRecord())
      case 2: .socket(try reader.readRecord())
      case 3: .address(try reader.readRecord())
      case 4: .named(try reader.readRecord())
      case 5: .reverseName(try reader.readRecord())
      default: throw .invalid(field: "from")
      }
  }
}

extension Rule.Destination: Record {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .any(let sense): writer.write(code: 0, sense)
    case .local(let sense): writer.write(code: 1, sense)
    case .domain(let test): writer.write(code: 2, test)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self =
      switch try reader.readByte() {
      case 0: .any(try reader.readRecord())
      case 1: .local(try reader.readRecord())
      case 2: .domain(try reader.readRecord())
      default: throw .invalid(field: "for")
      }
  }
}

extension Rule.Authentication: Record {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .anybody(let sense): writer.write(code: 0, sense)
    case .user(let test): writer.write(code: 1, test)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self =
      switch try reader.readByte() {
      case 0: .anybody(try reader.readRecord())
      case 1: .user(try reader.readRecord())
      default: throw .invalid(field: "auth")
      }
  }
}

extension ByteWriter {
  fileprivate mutating func write(code: UInt8, _ record: some Record) {
    write(code)
    record.write(to: &self)
  }
}
