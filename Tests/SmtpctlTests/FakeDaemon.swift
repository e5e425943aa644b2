// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue

@testable import smtpctl

/// The server's side of the protocol in memory: answers each request with what it was given, and checks
/// that parts are sent for credits only.
final class FakeDaemon {
  var hello = ControlHello(build: "fake")
  /// Sent instead of the hello when there is one.
  var refusal: String?
  /// Hears nothing any more, and has ended the connection.
  var isGone = false
  var answer: (ControlRequest) -> [ControlResponse] = { _ in [.done] }
  private(set) var requests: [ControlRequest] = []

  private var decoder = ControlFrameDecoder()
  private var unsent: [ControlResponse] = []
  private var current: UInt32 = 0
  private var outgoing: [UInt8] = []
  /// The most bytes that one `receive` returns.
  var pieceSize = 4096

  var transport: Transport {
    Transport(
      send: { bytes throws(CommandFailure) in try self.received(bytes) },
      receive: { () throws(CommandFailure) in
        let piece = Array(self.outgoing.prefix(self.pieceSize))
        self.outgoing.removeFirst(piece.count)
        return piece
      }
    )
  }

  /// Bytes that no daemon would send.
  func say(_ bytes: [UInt8]) { outgoing += bytes }

  private func received(_ bytes: [UInt8]) throws(CommandFailure) {
    guard !isGone else {
      if let refusal { respond(.failure(refusal), 0) }
      throw .ended
    }
    decoder.append(bytes)
    do {
      while let frame = try decoder.next() { try received(frame) }
    } catch {
      throw .brokenAnswer("the test's daemon was sent nonsense: \(error)")
    }
  }

  private func received(_ frame: ControlFrame) throws(DecodingError) {
    switch frame {
    case .hello:
      if let refusal {
        respond(.failure(refusal), 0)
      } else {
        outgoing += ControlFrame.hello(hello).encoded()
      }
    case .request(let id, let content):
      let request = try ControlRequest(decoding: content)
      if request == .more {
        precondition(id == current, "a credit for another request")
      } else {
        requests.append(request)
        current = id
        unsent = answer(request)
      }
      guard !unsent.isEmpty else { return }
      respond(unsent.removeFirst(), id)
    case .response: preconditionFailure("a response from the client")
    }
  }

  private func respond(_ response: ControlResponse, _ id: UInt32) {
    outgoing += ControlFrame.response(id: id, content: response.encoded()).encoded()
  }
}

/// One run of the program against a `FakeDaemon` or nothing, and what it printed.
struct Run {
  var daemon: FakeDaemon?
  var style = Context.Style.plain
  var mode = ControlRequest.Mode.execute
  var stores = StoreAccess.installed
  var samples = 1
  var connectFailure = CommandFailure.unreachable
  var sink: (([UInt8]) throws(Output.Failure) -> Void)?

  struct Result: Equatable {
    var output = ""
    var errors = ""
    var status = ExitStatus.success
  }

  func callAsFunction(_ line: String) -> Result {
    var bytes: [UInt8] = []
    var errors = ""
    var left = samples
    let failing = sink
    let collect = { (piece: [UInt8]) throws(Output.Failure) -> Void in
      if let failing { try failing(piece) } else { bytes += piece }
    }
    let status = Invocation(
      words: line.split(separator: " ").map(String.init),
      style: style,
      mode: mode,
      state: StateDirectory(directory: "/state"),
      stores: stores,
      output: Output(threshold: 64, sink: collect),
      report: { errors += $0 + "\n" },
      terminal: nil,
      connect: { _ throws(CommandFailure) in
        guard let daemon else { throw connectFailure }
        return daemon.transport
      },
      now: { Instant(seconds: 1_700_001_000) },
      nextSample: {
        left -= 1
        return left > 0 ? () : nil
      }
    ).run()
    return Result(output: String(decoding: bytes, as: UTF8.self), errors: errors, status: status)
  }
}
