// SPDX-License-Identifier: ISC

package import Mail
internal import Queue

extension ControlResponse {
  /// Tags from `firstFinal` on end an answer, so that a relay can tell without decoding.
  private enum Tag: UInt8 {
    case envelopes = 1
    case bytes = 2
    case verified = 3
    case quarantine = 4
    case explained = 5
    case relays = 6
    case done = 128
    case count = 129
    case statistics = 130
    case status = 131
    case failure = 132
    case removal = 133
  }

  private static let firstFinal: UInt8 = 128

  /// Whether an encoded response is the last one for its request. An empty one is: it is damaged.
  package static func isFinal(encoded bytes: [UInt8]) -> Bool {
    (bytes.first ?? firstFinal) >= firstFinal
  }

  /// The response's content in a frame or on an edge: a tag byte and its fields.
  ///
  /// Counts and lengths beyond `ControlLimits` are the caller's fault, but for texts, which are cut.
  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .envelopes(let rows):
      var page = EnvelopePageEncoder()
      for row in rows { precondition(page.append(row), "a page beyond its limit") }
      return page.finish()
    case .bytes(let content):
      precondition(content.count <= ControlLimits.chunk)
      writer = ByteWriter(reserving: content.count + 8)
      writer.write(Tag.bytes.rawValue)
      writer.write(content)
    case .verified(let messages, let envelopes, let findings):
      precondition(findings.count <= ControlLimits.findingsPerPage)
      writer.write(Tag.verified.rawValue)
      writer.writeVariable(UInt64(messages))
      writer.writeVariable(UInt64(envelopes))
      writer.writeVariable(UInt64(findings.count))
      for finding in findings {
        writer.write(finding.record.cut(to: ControlLimits.name))
        writer.write(finding.problem.cut(to: ControlLimits.findingText))
      }
    case .quarantine(let records):
      ControlResponse.write(records, to: &writer)
    case .explained(let page):
      writer.write(Tag.explained.rawValue)
      page.encode(to: &writer)
    case .relays(let rows):
      precondition(rows.count <= ControlLimits.relaysPerPage)
      writer.write(Tag.relays.rawValue)
      writer.writeVariable(UInt64(rows.count))
      for row in rows { row.encode(to: &writer) }
    case .done: writer.write(Tag.done.rawValue)
    case .count(let count):
      writer.write(Tag.count.rawValue)
      writer.writeVariable(UInt64(count))
    case .removal(let count, let inFlight):
      writer.write(Tag.removal.rawValue)
      writer.writeVariable(UInt64(count))
      writer.writeVariable(UInt64(inFlight))
    case .statistics(let statistics):
      precondition(statistics.count <= ControlLimits.statistics)
      writer.write(Tag.statistics.rawValue)
      writer.writeVariable(UInt64(statistics.count))
      for statistic in statistics {
        writer.write(statistic.name.cut(to: ControlLimits.statisticName))
        writer.writeVariable(signed: statistic.value)
      }
    case .status(let status):
      writer.write(Tag.status.rawValue)
      writer.write(status.bits)
    case .failure(let text):
      writer.write(Tag.failure.rawValue)
      writer.write(text.cut(to: ControlLimits.text))
    }
    return writer.finish()
  }

  private static func write(_ records: [QuarantinedRecord], to writer: inout ByteWriter) {
    precondition(records.count <= ControlLimits.quarantineRowsPerPage)
    writer.write(Tag.quarantine.rawValue)
    writer.writeVariable(UInt64(records.count))
    for record in records {
      writer.write(record.name.cut(to: ControlLimits.name))
      writer.write(record.reason.cut(to: ControlLimits.findingText))
      writer.writeVariable(UInt64(record.size))
      writer.writeVariable(signed: record.when.milliseconds)
    }
  }

  /// Reads what `encoded` wrote. The bytes are hostile.
  package init(decoding bytes: [UInt8]) throws(DecodingError) {
    var reader = ByteReader(bytes)
    guard let tag = Tag(rawValue: try reader.readByte()) else {
      throw .invalid(field: "response")
    }
    self = try ControlResponse.decode(tag, &reader)
    try reader.expectEnd()
  }

  private static func decode(
    _ tag: Tag,
    _ reader: inout ByteReader
  ) throws(DecodingError) -> ControlResponse {
    switch tag {
    case .envelopes: return .envelopes(try EnvelopeRow.page(from: &reader))
    case .bytes: return .bytes(try reader.readBytes(of: "content", atMost: ControlLimits.chunk))
    case .verified: return try verified(&reader)
    case .quarantine: return try quarantine(&reader)
    case .explained: return .explained(try ExplanationPage(from: &reader))
    case .relays: return try relays(&reader)
    case .done: return .done
    case .count: return .count(try reader.readCount(of: "count", atMost: Int(UInt32.max)))
    case .removal:
      return .removal(
        try reader.readCount(of: "count", atMost: Int(UInt32.max)),
        inFlight: try reader.readCount(of: "count", atMost: Int(UInt32.max))
      )
    case .statistics: return try statistics(&reader)
    case .status: return .status(try SubsystemStatus(bits: try reader.readByte()))
    case .failure:
      return .failure(try reader.readString(of: "failure", atMost: ControlLimits.text))
    }
  }

  private static func verified(_ reader: inout ByteReader) throws(DecodingError) -> ControlResponse
  {
    let messages = try reader.readCount(of: "messages", atMost: Int(UInt32.max))
    let envelopes = try reader.readCount(of: "envelopes", atMost: Int(UInt32.max))
    let count = try reader.readCount(of: "findings", atMost: ControlLimits.findingsPerPage)
    var findings: [VerifyFinding] = []
    for _ in 0..<count {
      let record = try reader.readString(of: "record", atMost: ControlLimits.name)
      let problem = try reader.readString(of: "problem", atMost: ControlLimits.findingText)
      findings.append(VerifyFinding(record: record, problem: problem))
    }
    return .verified(messages: messages, envelopes: envelopes, findings: findings)
  }

  private static func quarantine(
    _ reader: inout ByteReader
  ) throws(DecodingError) -> ControlResponse {
    let count = try reader.readCount(of: "records", atMost: ControlLimits.quarantineRowsPerPage)
    var records: [QuarantinedRecord] = []
    for _ in 0..<count {
      let name = try reader.readString(of: "name", atMost: ControlLimits.name)
      let reason = try reader.readString(of: "reason", atMost: ControlLimits.findingText)
      let size = try reader.readCount(of: "size", atMost: Int.max)
      let when = Instant(milliseconds: try reader.readVariableSigned())
      records.append(QuarantinedRecord(name: name, reason: reason, size: size, when: when))
    }
    return .quarantine(records)
  }

  private static func relays(_ reader: inout ByteReader) throws(DecodingError) -> ControlResponse {
    let count = try reader.readCount(of: "relays", atMost: ControlLimits.relaysPerPage)
    var rows: [RelayRow] = []
    for _ in 0..<count { rows.append(try RelayRow(from: &reader)) }
    return .relays(rows)
  }

  private static func statistics(
    _ reader: inout ByteReader
  ) throws(DecodingError) -> ControlResponse {
    let count = try reader.readCount(of: "statistics", atMost: ControlLimits.statistics)
    var statistics: [Statistic] = []
    for _ in 0..<count {
      let name = try reader.readString(of: "name", atMost: ControlLimits.statisticName)
      statistics.append(Statistic(name, try reader.readVariableSigned()))
    }
    return .statistics(statistics)
  }
}

extension SubsystemStatus {
  fileprivate var bits: UInt8 { paused.reduce(0) { $0 | 1 << $1.rawValue } }

  fileprivate init(bits: UInt8) throws(DecodingError) {
    let known = ControlRequest.Subsystem.allCases
    guard bits & ~known.reduce(UInt8(0), { $0 | 1 << $1.rawValue }) == 0 else {
      throw .invalid(field: "status")
    }
    self.init(paused: Set(known.filter { bits & 1 << $0.rawValue != 0 }))
  }
}

extension String {
  /// The longest beginning of whole characters that has at most `limit` bytes.
  func cut(to limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var length = 0
    let end = unicodeScalars.firstIndex { scalar in
      length += UTF8.width(scalar)
      return length > limit
    }
    return String(unicodeScalars[..<(end ?? unicodeScalars.endIndex)])
  }
}
