// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Testing

@Suite("Frames of the administration socket")
struct ControlFrameTests {
  static let frames: [ControlFrame] = [
    .hello(ControlHello(build: "smtpctl 1")),
    .request(id: 1, content: ControlRequest.showStats.encoded()),
    .response(id: .max, content: ControlResponse.done.encoded()),
    .request(id: 0, content: []),
  ]

  @Test("Frames come out of any cut of the stream")
  func cuts() throws {
    let stream = ControlFrameTests.frames.flatMap { $0.encoded() }
    for size in 1...stream.count {
      var decoder = ControlFrameDecoder()
      var found: [ControlFrame] = []
      var rest = stream[...]
      while !rest.isEmpty {
        decoder.append(rest.prefix(size))
        rest = rest.dropFirst(size)
        while let frame = try decoder.next() { found.append(frame) }
      }
      #expect(found == ControlFrameTests.frames, "pieces of \(size) bytes")
      #expect(decoder.pending == 0)
    }
  }

  @Test("A frame of the limit is read and one byte more is refused at its length")
  func lengthLimit() throws {
    let content = [UInt8](repeating: 7, count: 100 - 5)
    let frame = ControlFrame.request(id: 9, content: content)
    var fitting = ControlFrameDecoder(limit: 100)
    fitting.append(frame.encoded())
    #expect(try fitting.next() == frame)
    var tight = ControlFrameDecoder(limit: 99)
    tight.append(frame.encoded().prefix(4))
    #expect(throws: DecodingError.tooLong(field: "frame", length: 100)) { try tight.next() }
  }

  @Test(
    "Hostile frames are refused",
    arguments: [
      [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [1, 0, 0, 0, 9], [1, 0, 0, 0, 2],
      [4, 0, 0, 0, 2, 1, 1, 1], [1, 0, 0, 0, 1], [6, 0, 0, 0, 1, 1, 0, 0, 0, 200],
      [7, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
    ] as [[UInt8]]
  )
  func hostile(_ bytes: [UInt8]) {
    var decoder = ControlFrameDecoder()
    decoder.append(bytes)
    #expect(throws: DecodingError.self) { try decoder.next() }
  }

  @Test("A hello of another version is read, and known to be another")
  func versions() throws {
    var decoder = ControlFrameDecoder()
    decoder.append(ControlFrame.hello(ControlHello(version: 77, build: "later")).encoded())
    guard case .hello(let hello) = try decoder.next() else {
      Issue.record("no hello")
      return
    }
    #expect(!hello.isCompatible)
    #expect(ControlHello(build: "").isCompatible)
  }
}
