// SPDX-License-Identifier: ISC

import CLinux
import Glibc
import Mail
import NIOCore
import NIOPosix
import Testing

@testable import Interprocess

/// One word with a length that is the test's to choose.
private struct Word: EdgeMessage, Equatable {
  var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }
  func encode(into writer: inout ByteWriter) { writer.write(bytes) }
  init(decoding reader: inout ByteReader) throws(DecodingError) {
    bytes = try reader.readBytes(of: "word", atMost: 16 << 20)
  }
}

@Suite("Edge")
struct EdgeTests {
  private typealias WordEdge = Edge<Word, Word>

  private static func pair() -> (CInt, CInt) {
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    precondition(unsafe talaria_stream_pair(&ends) == 0)
    return (ends[0], ends[1])
  }

  private static func send(_ bytes: [UInt8], to descriptor: CInt) {
    // The array is read during the call only.
    _ = unsafe write(descriptor, bytes, bytes.count)
  }

  private static func frame(_ bytes: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(UInt32(bytes.count))
    writer.append(bytes)
    return writer.finish()
  }

  /// How an edge ends that is sent `bytes`.
  private static func ending(of bytes: [UInt8]) async throws -> String {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let (ours, theirs) = pair()
    let promise = loop.makePromise(of: String.self)
    try await loop.submit {
      _ = WordEdge(
        descriptor: ours,
        peer: .queue,
        on: loop,
        receive: { _ in },
        ended: { promise.succeed("\($0)") }
      )
    }.get()
    send(bytes, to: theirs)
    let result = try await promise.futureResult.get()
    close(theirs)
    return result
  }

  @Test("another build's hello, an oversized frame and nonsense end the edge")
  func violations() async throws {
    let hello = Self.frame(EdgeHello.bytes)
    #expect(try await Self.ending(of: Self.frame([1, 2])).contains("hello"))
    #expect(try await Self.ending(of: [0xff, 0xff, 0xff, 0xff]).contains("frame"))
    #expect(try await Self.ending(of: hello + Self.frame([5, 1])).contains("cut off"))
    #expect(try await Self.ending(of: hello + Self.frame([0, 1])).contains("too many"))
  }

  @Test("all messages of a turn arrive in order, and then the end")
  func batch() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let (ours, theirs) = Self.pair()
    let promise = loop.makePromise(of: [Int].self)
    try await loop.submit {
      var sizes: [Int] = []
      let one = WordEdge(
        descriptor: ours,
        peer: .queue,
        on: loop,
        receive: { _ in },
        ended: { _ in }
      )
      _ = WordEdge(
        descriptor: theirs,
        peer: .frontend,
        on: loop,
        receive: { word in
          sizes.append(word.bytes.count)
          if sizes.count == 200 { one.close() }
        },
        ended: { _ in promise.succeed(sizes) }
      )
      for index in 0..<200 { one.send(Word([UInt8](repeating: 1, count: index * 400))) }
    }.get()
    #expect(try await promise.futureResult.get() == (0..<200).map { $0 * 400 })
  }

  @Test("a frame of our own that is too long ends the edge and not the process")
  func ownFrame() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let (ours, theirs) = Self.pair()
    let promise = loop.makePromise(of: String.self)
    try await loop.submit {
      let edge = WordEdge(
        descriptor: ours,
        peer: .queue,
        on: loop,
        receive: { _ in },
        ended: { promise.succeed("\($0)") }
      )
      edge.send(Word([UInt8](repeating: 1, count: EdgeLimits.frame + 1)))
    }.get()
    #expect(try await promise.futureResult.get().contains("of ours"))
    close(theirs)
  }
}
