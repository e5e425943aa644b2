// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Testing

@Suite("Control requests")
struct ControlRequestTests {
  @Test("Every request comes back as it went", arguments: Samples.requests)
  func roundTrip(_ request: ControlRequest) throws {
    #expect(try ControlRequest(decoding: request.encoded()) == request)
  }

  @Test("A request cut off anywhere is refused", arguments: Samples.requests)
  func truncation(_ request: ControlRequest) {
    let bytes = request.encoded()
    for length in 0..<bytes.count {
      #expect(throws: DecodingError.self, "\(length) of \(bytes.count) bytes") {
        try ControlRequest(decoding: Array(bytes[..<length]))
      }
    }
  }

  @Test("A request with a byte too many is refused", arguments: Samples.requests)
  func trailingByte(_ request: ControlRequest) {
    #expect(throws: DecodingError.trailingBytes(1)) {
      try ControlRequest(decoding: request.encoded() + [0])
    }
  }

  @Test("Unknown tags are refused")
  func unknownTags() {
    for tag in [UInt8(0)] + Array(21...39) + Array(42...255) {
      #expect(throws: DecodingError.self) {
        try ControlRequest(decoding: [tag] + Array(repeating: 0, count: 40))
      }
    }
  }

  @Test("No selection is empty, not even one from a frame")
  func emptySelection() {
    #expect(Selection([]) == nil)
    #expect(throws: DecodingError.invalid(field: "selection")) {
      try ControlRequest(decoding: [7, 0, 0])
    }
  }

  @Test("A selection is bounded in words and in bytes")
  func selectionLimits() {
    #expect(Selection(Array(repeating: "a", count: ControlLimits.selectionWords)) != nil)
    #expect(Selection(Array(repeating: "a", count: ControlLimits.selectionWords + 1)) == nil)
    let word = String(repeating: "a", count: ControlLimits.selectionWord)
    #expect(Selection([word]) != nil)
    #expect(Selection([word + "a"]) == nil)
    let fitting = ControlLimits.selectionBytes / ControlLimits.selectionWord
    #expect(Selection(Array(repeating: word, count: fitting)) != nil)
    #expect(Selection(Array(repeating: word, count: fitting) + ["a"]) == nil)
  }

  @Test("A hostile count of words costs nothing")
  func hostileCount() {
    let bytes: [UInt8] = [1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
    #expect(throws: DecodingError.self) { try ControlRequest(decoding: bytes) }
  }

  @Test("Any single changed byte is refused or read as some request", arguments: Samples.requests)
  func corruption(_ request: ControlRequest) throws {
    let bytes = request.encoded()
    for index in bytes.indices {
      for value in UInt8.min...UInt8.max {
        var changed = bytes
        changed[index] = value
        if let read = try? ControlRequest(decoding: changed) {
          #expect(try ControlRequest(decoding: read.encoded()) == read)
        }
      }
    }
  }
}
