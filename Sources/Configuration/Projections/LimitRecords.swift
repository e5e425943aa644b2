// SPDX-License-Identifier: ISC

internal import Mail

extension RelayLimits: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(family.rawValue)
    for key in Key.allCases { writer.write(number: self[key]) }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init()
    family = try reader.readEnumeration()
    for key in Key.allCases { self[key] = try reader.readNumber() }
  }
}

extension LocalLimits: Record {
  func write(to writer: inout ByteWriter) {
    for key in Key.allCases { writer.write(number: self[keyPath: key.path]) }
    writer.write(record: timeout)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init()
    for key in Key.allCases { self[keyPath: key.path] = try reader.readNumber() }
    timeout = try reader.readRecord()
  }
}

extension SchedulingLimits: Record {
  func write(to writer: inout ByteWriter) {
    for key in Key.allCases { writer.write(number: self[keyPath: key.path]) }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init()
    for key in Key.allCases { self[keyPath: key.path] = try reader.readNumber() }
  }
}

extension ByteWriter {
  /// Sorted by domain, so that equal limits have equal bytes.
  mutating func write(limitsByDomain: [String: RelayLimits]) {
    write(number: limitsByDomain.count)
    for (domain, limits) in limitsByDomain.sorted(by: { $0.key < $1.key }) {
      write(domain)
      write(record: limits)
    }
  }
}

extension ByteReader {
  mutating func readLimitsByDomain() throws(DecodingError) -> [String: RelayLimits] {
    let count = try readCount(of: "domains", atMost: ProjectionLimits.elements)
    var result: [String: RelayLimits] = [:]
    for _ in 0..<count {
      let domain: String = try readRecord()
      result[domain] = try readRecord(RelayLimits.self)
    }
    return result
  }
}
