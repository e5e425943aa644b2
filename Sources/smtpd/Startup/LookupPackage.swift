// SPDX-License-Identifier: ISC

internal import Mail

/// What lookup is handed: its projection, and the table files that the supervisor read for it.
struct LookupPackage {
  enum Limits {
    static let projection = 64 << 20
    static let file = 64 << 20
    static let files = 4096
  }

  var projection: [UInt8]
  /// By the table's place in the projection.
  var files: [Int: [UInt8]]

  func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: projection.count + 64)
    writer.write(projection)
    writer.writeVariable(UInt64(files.count))
    for (index, bytes) in files.sorted(by: { $0.key < $1.key }) {
      writer.writeVariable(UInt64(index))
      writer.write(bytes)
    }
    return writer.finish()
  }

  init(projection: [UInt8], files: [Int: [UInt8]]) {
    self.projection = projection
    self.files = files
  }

  init(decoding bytes: [UInt8]) throws(DecodingError) {
    var reader = ByteReader(bytes)
    projection = try reader.readBytes(of: "projection", atMost: Limits.projection)
    files = [:]
    for _ in 0..<(try reader.readCount(of: "tables", atMost: Limits.files)) {
      let index = try reader.readCount(of: "table", atMost: Limits.files)
      files[index] = try reader.readBytes(of: "table file", atMost: Limits.file)
    }
    try reader.expectEnd()
  }
}
