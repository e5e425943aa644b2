// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue
import Testing

@testable import smtpctl

@Suite("Lines of show queue")
struct QueueLineTests {
  static func line(_ row: EnvelopeRow) -> String {
    var bytes: [UInt8] = []
    QueueLine.append(row, at: Instant(seconds: 1_700_001_000), to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  static let examples: [(EnvelopeRow, String)] = [
    (
      Rows.row(),
      "000000aa000000bb|local|mta|auth|ann@example.org|bob@example.net|bob@example.net|"
        + "1700000000|1700345600|0|0|pending|400|\n"
    ),
    (
      Rows.changed { row in
        row.message.sender = nil
        row.message.session.user = "ann"
        row.message.session.source = .inet6(0, 1)
        row.envelope.kind = .bounce(.failed)
        row.envelope.origin = .expansion
        row.envelope.progress.suspension = .operatorPause
        row.envelope.progress.lastTry = Instant(milliseconds: 1_700_000_500_999)
        row.envelope.progress.tries = 3
        row.envelope.progress.lastError = "451 \u{1b}[31mno\u{7f}\\n"
        row.place.state = .held
        row.place.nextTry = nil
      },
      "000000aa000000bb|inet6|bounce|bounce,auth,internal,suspend,hold|@|bob@example.net|"
        + "bob@example.net|1700000000|1700345600|1700000500|3|pending||"
        + "451 \\^[[31mno\\^?\\\\n\n"
    ),
    (
      Rows.changed { row in
        row.message.session.source = .inet4(1)
        row.envelope.kind = .local(LocalDelivery(user: "bob"))
        row.envelope.destination = Address(local: "b|o b", domain: "example.net")
        row.envelope.progress.lastTry = Instant(seconds: 1_700_000_970)
        row.place.state = .inflight
      },
      "000000aa000000bb|inet4|mda||ann@example.org|bob@example.net|\"b|o b\"@example.net|"
        + "1700000000|1700345600|1700000970|0|inflight|30|\n"
    ),
    (
      Rows.changed { $0.place.state = .offline },
      "000000aa000000bb|local|mta|auth|ann@example.org|bob@example.net|bob@example.net|"
        + "1700000000|1700345600|0|0|offline||\n"
    ),
    (
      Rows.changed { row in
        row.place.state = .scheduled
        row.place.nextTry = Instant(seconds: 1_700_000_990)
      },
      "000000aa000000bb|local|mta|auth|ann@example.org|bob@example.net|bob@example.net|"
        + "1700000000|1700345600|0|0|pending|-10|\n"
    ),
    (
      Rows.changed { row in
        row.place.state = .suspended
        row.place.nextTry = Instant(seconds: 1_700_001_060)
      },
      "000000aa000000bb|local|mta|auth,suspend|ann@example.org|bob@example.net|bob@example.net|"
        + "1700000000|1700345600|0|0|pending|60|\n"
    ),
    (
      Rows.changed { $0.place.state = .orphaned },
      "000000aa000000bb|local|mta|auth|ann@example.org|bob@example.net|bob@example.net|"
        + "1700000000|1700345600|0|0|invalid||\n"
    ),
  ]

  @Test("Fourteen fields, byte for byte", arguments: examples)
  func lines(_ row: EnvelopeRow, _ expected: String) {
    #expect(QueueLineTests.line(row) == expected)
  }

  @Test("No text of an envelope ends a line or reaches a terminal as a command")
  func controls() {
    for value in UInt32(0)...0x9f where !(0x20..<0x7f ~= value) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let line = QueueLineTests.line(
        Rows.changed { row in
          row.envelope.progress.lastError = String(scalar)
          row.envelope.destination = Address(local: String(scalar), domain: String(scalar))
        }
      )
      let isClean = line.unicodeScalars.dropLast().allSatisfy {
        $0.value >= 0x20 && !(0x7f...0x9f ~= $0.value)
      }
      #expect(isClean, "U+\(String(value, radix: 16))")
    }
  }

  @Test("Numbers of every size", arguments: [0, 9, 10, -1, 1_700_000_000, Int64.max, Int64.min])
  func decimals(_ value: Int64) {
    var bytes: [UInt8] = []
    bytes.append(decimal: value)
    #expect(String(decoding: bytes, as: UTF8.self) == String(value))
  }
}
