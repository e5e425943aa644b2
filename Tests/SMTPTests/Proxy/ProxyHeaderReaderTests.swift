// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("The PROXY header")
struct ProxyHeaderReaderTests {
  /// All that a header becomes, however its bytes come.
  private func read(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation)
    -> ProxyHeaderReader.Outcome
  {
    var whole = ProxyHeaderReader()
    let atOnce = whole.received(bytes)
    var single = ProxyHeaderReader()
    var last = ProxyHeaderReader.Outcome.needsMore
    var used = 0
    for byte in bytes {
      last = single.received([byte])
      used += 1
      guard last == .needsMore else { break }
    }
    switch (atOnce, last) {
    case (.header(let header, let rest), .header(let other, let none)):
      #expect(header == other, sourceLocation: sourceLocation)
      #expect(none.isEmpty, sourceLocation: sourceLocation)
      #expect(rest == Array(bytes[used...]), sourceLocation: sourceLocation)
    default: #expect(atOnce == last, sourceLocation: sourceLocation)
    }
    return atOnce
  }

  private func forwarded(_ source: String, _ destination: String) throws -> ProxyHeader {
    .forwarded(
      source: try #require(IPAddress(parsing: source)),
      destination: try #require(IPAddress(parsing: destination))
    )
  }

  // MARK: Version 1

  @Test(
    "version 1 with addresses",
    arguments: [
      ("PROXY TCP4 192.0.2.7 198.51.100.1 56324 25", "192.0.2.7", "198.51.100.1"),
      ("PROXY TCP4 255.255.255.255 0.0.0.0 0 65535", "255.255.255.255", "0.0.0.0"),
      ("PROXY TCP6 2001:db8::7 2001:db8::1 1 25", "2001:db8::7", "2001:db8::1"),
      ("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 25", "192.0.2.7", "::1"),
    ]
  )
  func line(_ text: String, _ source: String, _ destination: String) throws {
    let header = try forwarded(source, destination)
    #expect(read(Array((text + "\r\n").utf8)) == .header(header, rest: []))
    let more = Array("EHLO x\r\n".utf8)
    #expect(read(Array((text + "\r\n").utf8) + more) == .header(header, rest: more))
  }

  @Test(
    "version 1 without addresses",
    arguments: ["PROXY UNKNOWN", "PROXY UNKNOWN ", "PROXY UNKNOWN ff::1 whatever it is"]
  )
  func unknownLine(_ text: String) {
    #expect(read(Array((text + "\r\n").utf8)) == .header(.own, rest: []))
  }

  @Test(
    "version 1 that is not",
    arguments: [
      "PROXY ", "PROXY  TCP4 192.0.2.7 192.0.2.1 1 2", "PROXY TCP4 192.0.2.7 192.0.2.1 1 2 ",
      "PROXY TCP4 192.0.2.7 192.0.2.1 1", "PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3",
      "PROXY TCP4 ::1 ::2 1 2",
      "PROXY TCP6 192.0.2.7 192.0.2.1 1 2",
      "PROXY TCP4 ::1 192.0.2.1 1 2",
      "PROXY TCP4 192.0.2.7 192.0.2.1 1 65536", "PROXY TCP4 192.0.2.7 192.0.2.1 01 2",
      "PROXY TCP4 192.0.2.7 192.0.2.1 -1 2", "PROXY TCP4 192.0.2.7 192.0.2.1  2",
      "PROXY TCP4 192.0.2.256 192.0.2.1 1 2", "PROXY TCP4 192.0.2.07 192.0.2.1 1 2",
      "PROXY TCP6 [::1] ::2 1 2",
      "PROXY TCP6 fe80::1%lo ::2 1 2",
      "PROXY UDP4 192.0.2.7 192.0.2.1 1 2",
      "PROXY tcp4 192.0.2.7 192.0.2.1 1 2",
      "PROXY UNKNOWNS",
      "PROXY TCP4 mail.example.org 192.0.2.1 1 2",
      "PROXY TCP4 192.0.2.7\r 192.0.2.1 1 2", "PROXY TCP4 192.0.2.7\0 192.0.2.1 1 2",
    ]
  )
  func malformedLine(_ text: String) {
    #expect(read(Array((text + "\r\n").utf8)) == .refused(.malformedLine))
  }

  @Test("version 1 ends with CRLF and not with LF")
  func bareLineFeed() {
    #expect(
      read(Array("PROXY TCP4 192.0.2.7 192.0.2.1 1 25\nEHLO x\r\n".utf8))
        == .refused(.malformedLine)
    )
  }

  @Test("version 1 of 107 bytes is taken, of 108 is not")
  func lineLength() {
    let start = Array("PROXY UNKNOWN ".utf8)
    func line(_ length: Int) -> [UInt8] {
      start + Array(repeating: 0x78, count: length - 2 - start.count) + [0x0d, 0x0a]
    }
    #expect(read(line(107)) == .header(.own, rest: []))
    #expect(read(line(108)) == .refused(.lineTooLong))
    var endless = ProxyHeaderReader()
    #expect(endless.received(Array(line(200)[..<106])) == .needsMore)
    #expect(endless.received([0x78]) == .refused(.lineTooLong))
  }

  // MARK: Version 2

  /// A header with the length that its payload has, or another.
  private func block(
    _ versionAndCommand: UInt8 = 0x21,
    _ family: UInt8 = 0x11,
    _ payload: [UInt8],
    length: Int? = nil
  ) -> [UInt8] {
    let length = length ?? payload.count
    return ProxyBlock.signature + [
      versionAndCommand, family, UInt8(length >> 8), UInt8(length & 255),
    ] + payload
  }

  private let four: [UInt8] = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 0, 25]
  private let six: [UInt8] =
    [0x20, 1, 0xd, 0xb8] + Array(repeating: 0, count: 11) + [7]
    + [0x20, 1, 0xd, 0xb8] + Array(repeating: 0, count: 11) + [1] + [1, 2, 0, 25]
  private let more: [UInt8] = [0x16, 0x03, 0x01, 0x00, 0x0a]

  @Test("version 2 with addresses, with and without what follows")
  func addresses() throws {
    let header4 = try forwarded("192.0.2.7", "198.51.100.1")
    let header6 = try forwarded("2001:db8::7", "2001:db8::1")
    #expect(read(block(0x21, 0x11, four)) == .header(header4, rest: []))
    #expect(read(block(0x21, 0x11, four) + more) == .header(header4, rest: more))
    #expect(read(block(0x21, 0x21, six) + more) == .header(header6, rest: more))
  }

  @Test("an IPv4 address mapped into IPv6 is what it was")
  func mapped() throws {
    let address: [UInt8] = Array(repeating: 0, count: 10) + [255, 255, 192, 0, 2, 7]
    let header = try forwarded("192.0.2.7", "192.0.2.7")
    #expect(read(block(0x21, 0x21, address + address + [0, 1, 0, 2])) == .header(header, rest: []))
  }

  @Test("extensions are stepped over, up to the longest header and not past it")
  func extensions() throws {
    let header = try forwarded("192.0.2.7", "198.51.100.1")
    let some: [UInt8] = [0x05, 0, 4, 1, 2, 3, 4, 0x04, 0, 0, 0x20, 0, 2, 0xff, 0xff]
    #expect(read(block(0x21, 0x11, four + some) + more) == .header(header, rest: more))
    func padded(to length: Int) -> [UInt8] {
      let rest = length - four.count - 3
      return four + [0x04, UInt8(rest >> 8), UInt8(rest & 255)]
        + Array(repeating: 0x41, count: rest)
    }
    let longest = ProxyHeader.Limits.payload
    #expect(read(block(0x21, 0x11, padded(to: longest)) + more) == .header(header, rest: more))
    #expect(
      read(block(0x21, 0x11, padded(to: longest + 1))) == .refused(.tooLong(longest + 1))
    )
    #expect(read(block(0x21, 0x11, [], length: 65_535)) == .refused(.tooLong(65_535)))
  }

  @Test(
    "an extension past the end of the header",
    arguments: [[0x04], [0x04, 0], [0x04, 0, 1], [0x04, 0xff, 0xff, 0], [0x04, 0, 0, 0x04]]
  )
  func lyingExtension(_ bytes: [UInt8]) {
    #expect(read(block(0x21, 0x11, four + bytes)) == .refused(.malformedExtension))
  }

  /// A header whose checksum, between two other extensions, is right.
  private var summed: [UInt8] {
    var header = block(0x21, 0x11, four + [0x04, 0, 0, 0x03, 0, 4, 0, 0, 0, 0, 0x05, 0, 1, 9])
    let place = 16 + four.count + 6
    let sum = Checksum.of(header)
    for (index, shift) in [24, 16, 8, 0].enumerated() {
      header[place + index] = UInt8(truncatingIfNeeded: sum >> shift)
    }
    return header
  }

  @Test("a checksum is looked at: every flipped bit behind the length is found")
  func checksum() throws {
    let header = try forwarded("192.0.2.7", "198.51.100.1")
    #expect(read(summed + more) == .header(header, rest: more))
    for index in 16..<summed.count {
      for bit in 0..<8 {
        var changed = summed
        changed[index] ^= 1 << bit
        let outcome = read(changed)
        // Where the kind is changed there is no checksum any more, and nothing to look at.
        if index == 16 + four.count + 3 {
          #expect(outcome == .header(header, rest: []))
        } else {
          guard case .refused = outcome else {
            Issue.record("bit \(bit) of byte \(index) goes unnoticed")
            continue
          }
        }
      }
    }
  }

  @Test(
    "a checksum of another length, and a second one",
    arguments: [
      [0x03, 0, 0], [0x03, 0, 3, 1, 2, 3], [0x03, 0, 5, 1, 2, 3, 4, 5],
      [0x03, 0, 4, 1, 2, 3, 4, 0x03, 0, 4, 1, 2, 3, 4],
    ] as [[UInt8]]
  )
  func otherChecksum(_ bytes: [UInt8]) {
    #expect(read(block(0x21, 0x11, four + bytes)) == .refused(.checksum))
  }

  @Test("LOCAL means nothing but itself, whatever its checksum")
  func localChecksum() {
    #expect(read(block(0x20, 0x11, four + [0x03, 0, 4, 1, 2, 3, 4])) == .header(.own, rest: []))
  }

  @Test("a length that has no room for the addresses", arguments: [0, 1, 11])
  func tooShort(_ length: Int) {
    #expect(read(block(0x21, 0x11, four, length: length)) == .refused(.tooShort(length)))
    #expect(read(block(0x21, 0x21, six, length: 35)) == .refused(.tooShort(35)))
    #expect(read(block(0x21, 0x31, [], length: 215)) == .refused(.tooShort(215)))
  }

  @Test("a length of more than comes waits for it")
  func tooLittle() {
    #expect(read(block(0x21, 0x11, four, length: 40)) == .needsMore)
    for count in 0..<(16 + 12) {
      #expect(read(Array(block(0x21, 0x11, four)[..<count])) == .needsMore)
    }
  }

  @Test("LOCAL: the connection's own addresses, whatever the rest says")
  func local() {
    #expect(read(block(0x20, 0x00, []) + more) == .header(.own, rest: more))
    #expect(read(block(0x20, 0x11, four)) == .header(.own, rest: []))
    #expect(read(block(0x20, 0xff, [1, 2, 3]) + more) == .header(.own, rest: more))
  }

  @Test("clients without an Internet address")
  func unspecified() {
    #expect(read(block(0x21, 0x00, [])) == .header(.own, rest: []))
    #expect(read(block(0x21, 0x00, [9, 9, 9]) + more) == .header(.own, rest: more))
    let paths = Array(repeating: UInt8(0x2f), count: 216)
    #expect(read(block(0x21, 0x31, paths)) == .header(.own, rest: []))
    #expect(read(block(0x21, 0x31, paths + [0x04, 0, 1, 0])) == .header(.own, rest: []))
  }

  @Test("other versions, commands, families")
  func others() {
    for version: UInt8 in [0x01, 0x11, 0x31, 0xf1] {
      #expect(read(block(version, 0x11, four)) == .refused(.version(version >> 4)))
    }
    for command: UInt8 in [0x22, 0x2f] {
      #expect(read(block(command, 0x11, four)) == .refused(.command(command & 15)))
    }
    for family: UInt8 in [0x03, 0x10, 0x12, 0x20, 0x22, 0x30, 0x32, 0x41, 0xff] {
      #expect(read(block(0x21, family, four)) == .refused(.family(family)))
    }
  }

  // MARK: Neither

  @Test(
    "anything else is refused at the first byte that differs",
    arguments: [
      "EHLO x\r\n",
      "\r\n\r\nQUIT\r\n",
      "PROXX",
      "Proxy TCP4",
      "\n",
      "\u{16}\u{3}\u{1}",
      "\r\n\r\n\0\r\nQUIT\r",
    ]
  )
  func absent(_ text: String) {
    #expect(read(Array(text.utf8)) == .refused(.absent))
  }

  @Test("what begins alike waits", arguments: ["", "P", "PROXY", "\r", "\r\n\r\n\0\r\nQUIT"])
  func undecided(_ text: String) {
    #expect(read(Array(text.utf8)) == .needsMore)
  }
}
