// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// The client's side of the administration socket: one request at a time.
final class ControlConnection: QueueService {
  private let transport: Transport
  private var decoder = ControlFrameDecoder()
  private var lastID: UInt32 = 0

  /// Greets the daemon and checks its greeting.
  init(_ transport: Transport, build: String) throws(CommandFailure) {
    self.transport = transport
    try send(ControlFrame.hello(ControlHello(build: build)))
    switch try nextFrame() {
    case .hello(let hello):
      guard hello.isCompatible else { throw .incompatible }
    case .response(id: 0, let content): throw try ControlConnection.refusal(content)
    case .request, .response: throw .brokenAnswer("no greeting")
    }
  }

  func exchange(
    _ request: ControlRequest,
    partial: (ControlResponse) throws(CommandFailure) -> Void
  ) throws(CommandFailure) -> ControlResponse {
    lastID &+= 1
    let id = lastID
    try send(ControlFrame.request(id: id, content: request.encoded()))
    let credit = ControlFrame.request(id: id, content: ControlRequest.more.encoded())
    while true {
      let response = try nextResponse(to: id)
      if case .failure(let text) = response { throw .refused(text) }
      guard !response.isFinal else { return response }
      // Before the work on this page, so that the next one is made meanwhile.
      try send(credit)
      try partial(response)
    }
  }

  private func nextResponse(to id: UInt32) throws(CommandFailure) -> ControlResponse {
    switch try nextFrame() {
    case .response(id, let content): return try ControlConnection.decode(content)
    case .response(id: 0, let content): throw try ControlConnection.refusal(content)
    case .hello, .request, .response: throw .brokenAnswer("an answer to nothing")
    }
  }

  /// What the daemon said before it ended the connection says why it did.
  private func send(_ frame: ControlFrame) throws(CommandFailure) {
    do {
      try transport.send(frame.encoded())
    } catch {
      guard error == .ended else { throw error }
      while true {
        guard case .response(id: 0, let content) = try nextFrame() else { continue }
        throw try ControlConnection.refusal(content)
      }
    }
  }

  private func nextFrame() throws(CommandFailure) -> ControlFrame {
    while true {
      do {
        if let frame = try decoder.next() { return frame }
      } catch {
        throw .brokenAnswer(error.description)
      }
      let bytes = try transport.receive()
      guard !bytes.isEmpty else { throw .brokenAnswer("the daemon ended the connection") }
      decoder.append(bytes)
    }
  }

  private static func decode(_ content: [UInt8]) throws(CommandFailure) -> ControlResponse {
    do {
      return try ControlResponse(decoding: content)
    } catch {
      throw .brokenAnswer(error.description)
    }
  }

  /// What the daemon says about the connection as a whole, under the identifier that no request has.
  private static func refusal(_ content: [UInt8]) throws(CommandFailure) -> CommandFailure {
    guard case .failure(let text) = try decode(content) else {
      return .brokenAnswer("an answer to nothing")
    }
    return .refused(text)
  }
}
