// SPDX-License-Identifier: ISC

import CLinux
import ControlProtocol
import Interprocess
import NIOCore
import Testing

/// The other end of an edge of the queue, played by a test.
struct Peer<Outgoing: EdgeMessage, Incoming: EdgeMessage> {
  private let edge: NIOLoopBound<Edge<Outgoing, Incoming>>
  private let loop: any EventLoop
  private var messages: AsyncStream<Incoming>.Iterator

  init(_ role: Role, _ descriptor: CInt, on loop: any EventLoop) async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Incoming.self)
    self.loop = loop
    edge = try await loop.submit {
      NIOLoopBound(
        Edge<Outgoing, Incoming>(
          descriptor: descriptor,
          peer: .queue,
          on: loop,
          receive: { continuation.yield($0) },
          ended: { _ in continuation.finish() }
        ),
        eventLoop: loop
      )
    }.get()
    messages = stream.makeAsyncIterator()
  }

  func send(_ message: Outgoing) async throws {
    try await loop.submit { [edge] in edge.value.send(message) }.get()
  }

  /// Dies, as a process does.
  func close() async throws {
    try await loop.submit { [edge] in edge.value.close() }.get()
  }

  /// The next message for which `take` has an answer; the others are passed over.
  mutating func next<Value>(_ take: (Incoming) -> Value?) async -> Value? {
    while let message = await messages.next(isolation: #isolation) {
      if let value = take(message) { return value }
    }
    return nil
  }
}

extension ControlPeer {
  /// Asks, and takes all that comes.
  mutating func answer(_ id: UInt32, _ request: ControlRequest) async throws -> [ControlResponse] {
    try await send(ControlToRole(id: id, request: request))
    var responses: [ControlResponse] = []
    while true {
      let message = await next { $0.id == id ? $0 : nil }
      let response = try ControlResponse(decoding: try #require(message).response)
      responses.append(response)
      if response.isFinal { return responses }
      try await send(ControlToRole(id: id, request: .more))
    }
  }
}

/// Two connected sockets.
func socketPair() -> (CInt, CInt) {
  var ends: [CInt] = [-1, -1]
  // The call writes two numbers into an array of two.
  precondition(unsafe talaria_stream_pair(&ends) == 0)
  return (ends[0], ends[1])
}
