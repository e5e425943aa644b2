// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue

/// A record that was moved aside, as LMDB keeps it: when, why, and its content as it was found.
struct QuarantineEntry {
  var record: QuarantinedRecord
  var content: [UInt8]

  init(record: QuarantinedRecord, content: [UInt8]) {
    self.record = record
    self.content = content
  }

  /// Bytes that are no entry are taken for content, so that nothing is hidden.
  init(name: String, encoded: [UInt8]) {
    var reader = ByteReader(encoded)
    do throws(DecodingError) {
      let moved = Instant(milliseconds: try reader.readVariableSigned())
      let reason = try reader.readString(of: "reason", atMost: encoded.count)
      content = reader.readRest()
      record = QuarantinedRecord(name: name, reason: reason, size: content.count, when: moved)
    } catch {
      content = encoded
      record = QuarantinedRecord(
        name: name,
        reason: "the entry itself is damaged",
        size: encoded.count,
        when: .epoch
      )
    }
  }

  func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: content.count + 64)
    writer.writeVariable(signed: record.when.milliseconds)
    writer.write(record.reason)
    writer.append(content)
    return writer.finish()
  }
}
