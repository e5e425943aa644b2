// SPDX-License-Identifier: ISC

@testable import ControlProtocol
import Mail
import Queue
import Testing

@Suite("Control responses")
struct ControlResponseTests {
  @Test("Every response comes back as it went", arguments: Samples.responses)
  func roundTrip(_ response: ControlResponse) throws {
    #expect(try ControlResponse(decoding: response.encoded()) == response)
  }

  @Test("Whether it is final can be told without decoding", arguments: Samples.responses)
  func finality(_ response: ControlResponse) {
    #expect(ControlResponse.isFinal(encoded: response.encoded()) == response.isFinal)
  }

  @Test("An empty response is taken for the last one")
  func emptyIsFinal() {
    #expect(ControlResponse.isFinal(encoded: []))
  }

  @Test("A response cut off anywhere is refused", arguments: Samples.responses)
  func truncation(_ response: ControlResponse) {
    let bytes = response.encoded()
    for length in 0..<bytes.count {
      #expect(throws: DecodingError.self, "\(length) of \(bytes.count) bytes") {
        try ControlResponse(decoding: Array(bytes[..<length]))
      }
    }
  }

  @Test("Any single changed byte is refused or read as some response", arguments: Samples.responses)
  func corruption(_ response: ControlResponse) throws {
    let bytes = response.encoded()
    for index in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << UInt8(bit)
        _ = try? ControlResponse(decoding: changed)
      }
    }
  }

  @Test("A long failure is cut at a whole character")
  func longFailure() throws {
    let text = String(repeating: "ä", count: ControlLimits.text)
    let read = try ControlResponse(decoding: ControlResponse.failure(text).encoded())
    #expect(read == .failure(String(repeating: "ä", count: ControlLimits.text / 2)))
    #expect("aä".cut(to: 2) == "a")
    #expect("aä".cut(to: 3) == "aä")
  }
}

@Suite("Pages of envelopes")
struct EnvelopePageTests {
  @Test("A page holds as many rows as its limit and refuses the next")
  func rowLimit() throws {
    var page = EnvelopePageEncoder()
    for low in 1...UInt64(ControlLimits.rowsPerPage) {
      let fits = page.append(Samples.plainRow(0x0000_0001_0000_0000 | low))
      #expect(fits)
    }
    let fits = page.append(Samples.plainRow())
    #expect(!fits)
    #expect(page.count == ControlLimits.rowsPerPage)
    guard case .envelopes(let rows) = try ControlResponse(decoding: page.finish()) else {
      Issue.record("not a page")
      return
    }
    #expect(rows.count == ControlLimits.rowsPerPage)
    #expect(rows.map(\.envelope.id.low) == Array(1...UInt32(ControlLimits.rowsPerPage)))
  }

  @Test("A page of the largest rows fits a frame")
  func byteLimit() throws {
    // Each of a message of its own, and each record as long as a record may be.
    let record = [UInt8](repeating: 0x78, count: RecordLimits.record)
    let place = Samples.plainRow().place
    var page = EnvelopePageEncoder()
    var raw: UInt64 = 0x0000_0001_0000_0001
    while page.append(
      StoredRecord(id: Samples.envelopeID(raw), envelope: record, message: record),
      place
    ) {
      raw += 1 << 32
    }
    #expect(page.count > 1)
    #expect(page.finish().count + 5 <= ControlLimits.frame)
  }

  @Test("The envelopes of one message carry it once")
  func sharedMessage() throws {
    let rows = (1...3).map { Samples.plainRow(0x0123_4567_0000_0000 | UInt64($0) * 2 + 1) }
    let one = ControlResponse.envelopes([rows[0]]).encoded().count
    let three = ControlResponse.envelopes(rows).encoded().count
    #expect(three < one * 5 / 2)
    #expect(
      try ControlResponse(decoding: ControlResponse.envelopes(rows).encoded())
        == .envelopes(
          rows.map { row in
            var row = row
            row.message = rows[0].message
            return row
          }
        )
    )
  }

  @Test("Every runtime state has a code of its own")
  func states() {
    #expect(Set(RuntimeState.allCases.map(\.code)).count == RuntimeState.allCases.count)
    for state in RuntimeState.allCases { #expect(RuntimeState(code: state.code) == state) }
    #expect(RuntimeState(code: 8) == nil)
  }

  @Test("A first row that points at the message before it is refused")
  func firstRowWithoutMessage() {
    #expect(throws: DecodingError.self) {
      try ControlResponse(decoding: [1, 1, 0, 0, 0, 1] + Array(repeating: 1, count: 60))
    }
  }
}
