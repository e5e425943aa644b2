// SPDX-License-Identifier: ISC

import Mail
import TestFiles
import Testing

@testable import SMTP

@Suite("Dialogs of Dialogs/*.smtp with the server machine")
struct DialogTests {
  /// How the client's bytes arrive.
  enum Feeding: CaseIterable {
    /// Everything up to the next reply that is waited for.
    case together
    case byteByByte
    /// Together, and every answer of our own side comes late and in the wrong order.
    case answeredBackwards
  }

  @Test(
    "every dialog gives its replies, however its bytes arrive",
    arguments: TestFile.names(in: "../Dialogs"),
    Feeding.allCases
  )
  func dialog(_ name: String, _ feeding: Feeding) throws {
    let text = String(decoding: TestFile.bytes("../Dialogs/\(name)"), as: UTF8.self)
    let transcript = try Transcript(name: name, parsing: text)
    var configuration = ServerSession.Configuration(serverName: "mx.example.org")
    configuration.limits.messageSizeMax = 100_000
    var peer = ServerPeer(
      configuration,
      answering: feeding == .answeredBackwards ? .lateAndBackwards : .atOnce,
      source: name.hasPrefix("local-") ? .local : .inet4(0xc000_0201)
    )
    var read = 0
    var pending: [UInt8] = []
    for step in transcript.steps {
      if case .client(let bytes) = step {
        pending += bytes
        continue
      }
      feed(pending, to: &peer, feeding)
      pending = []
      let lines = peer.output.split(separator: "\r\n", omittingEmptySubsequences: false).dropLast()
      switch step {
      case .client: break
      case .server(let pattern):
        let line = read < lines.count ? String(lines[read]) : "(nothing)"
        #expect(Transcript.matches(line, pattern), "\(name): \(line) is not \(pattern)")
        read += 1
      case .closed:
        #expect(peer.closeReason != nil, "\(name): not closed")
      }
    }
    feed(pending, to: &peer, feeding)
    let count = peer.output.split(separator: "\r\n", omittingEmptySubsequences: false).count - 1
    #expect(count == read, "\(name): more replies than expected: \(peer.output)")
  }

  private func feed(_ bytes: [UInt8], to peer: inout ServerPeer, _ feeding: Feeding) {
    guard !bytes.isEmpty else { return }
    switch feeding {
    case .together, .answeredBackwards: peer.send(bytes)
    case .byteByByte: for byte in bytes { peer.send([byte]) }
    }
  }
}
