// SPDX-License-Identifier: ISC

internal import Mail

/// One change of an LMDB database as the journal has it. Each says how things are afterwards, so that
/// carrying it out twice does no harm.
enum LoggedChange: Sendable {
  case put(Environment.Name, key: [UInt8], Environment.Value)
  case remove(Environment.Name, key: [UInt8])

  private enum Kind: UInt8 {
    case put = 1
    case remove = 2
  }

  /// Bytes of a key that LMDB takes.
  private static let keyMax = 511

  func write(to writer: inout ByteWriter) {
    switch self {
    case .put(let name, let key, let value):
      writer.write(Kind.put.rawValue)
      writer.write(name.number)
      writer.write(key)
      writer.write(value.checksum)
      writer.append(value.content)
    case .remove(let name, let key):
      writer.write(Kind.remove.rawValue)
      writer.write(name.number)
      writer.write(key)
    }
  }

  init(_ bytes: ArraySlice<UInt8>) throws(DecodingError) {
    var reader = ByteReader(bytes)
    guard let kind = Kind(rawValue: try reader.readByte()) else {
      throw .invalid(field: "journal change")
    }
    guard let name = Environment.Name(number: try reader.readByte()) else {
      throw .invalid(field: "database")
    }
    let key = try reader.readBytes(of: "key", atMost: LoggedChange.keyMax)
    guard !key.isEmpty else { throw .invalid(field: "key") }
    switch kind {
    case .put:
      let checksum = try reader.readInteger(UInt32.self)
      self = .put(name, key: key, Environment.Value(checksum: checksum, content: reader.readRest()))
    case .remove:
      try reader.expectEnd()
      self = .remove(name, key: key)
    }
  }
}

extension Environment.Name {
  /// In the journal: never given to another.
  var number: UInt8 {
    switch self {
    case .messages: 1
    case .bodies: 2
    case .envelopes: 3
    case .staged: 4
    case .settings: 5
    case .quarantine: 6
    case .meta: 7
    }
  }

  init?(number: UInt8) {
    guard let name = Environment.Name.allCases.first(where: { $0.number == number }) else {
      return nil
    }
    self = name
  }
}
