// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue

/// The named values of `Change.set` and the counts of a clean stop, as the file `settings` has them.
struct SpoolSettings: Equatable, Sendable {
  static let nameMax = 64
  static let valueMax = 4096
  static let fileMax = 64 << 20
  private static let version: UInt8 = 1

  /// How much is in the tree, as of a clean stop.
  struct Counts: Equatable, Sendable {
    var messages = 0
    var envelopes = 0
    var bodyBytes = 0
  }

  var values: [String: [UInt8]] = [:]
  /// Nil while the tree may have changed since.
  var counts: Counts?

  init() {}

  var encoded: [UInt8] {
    var writer = ByteWriter(reserving: 256)
    writer.write(SpoolSettings.version)
    if let counts {
      writer.write(UInt8(1))
      for number in [counts.messages, counts.envelopes, counts.bodyBytes] {
        writer.writeVariable(UInt64(max(0, number)))
      }
    } else {
      writer.write(UInt8(0))
    }
    writer.writeVariable(UInt64(values.count))
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      writer.write(name)
      writer.write(value)
    }
    writer.write(Checksum.of(writer.bytes))
    return writer.finish()
  }

  init(_ bytes: [UInt8]) throws(DecodingError) {
    guard bytes.count >= 4 else { throw .truncated }
    let content = Array(bytes.dropLast(4))
    var checksum = ByteReader(bytes.suffix(4))
    guard try checksum.readInteger(UInt32.self) == Checksum.of(content) else {
      throw .invalid(field: "checksum")
    }
    var reader = ByteReader(content)
    guard try reader.readByte() == SpoolSettings.version else {
      throw .invalid(field: "settings version")
    }
    if try reader.readByte() == 1 {
      counts = Counts(
        messages: try reader.readCount(of: "messages", atMost: .max),
        envelopes: try reader.readCount(of: "envelopes", atMost: .max),
        bodyBytes: try reader.readCount(of: "bytes", atMost: .max)
      )
    }
    for _ in 0..<(try reader.readCount(of: "settings", atMost: 1 << 20)) {
      let name = try reader.readString(of: "name", atMost: SpoolSettings.nameMax)
      values[name] = try reader.readBytes(of: "value", atMost: SpoolSettings.valueMax)
    }
    try reader.expectEnd()
  }
}
