// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

/// The corpora of the fuzz targets. Their first byte is a choice of the target, 0xff divides pieces.
@Suite("What fuzzing knows, again")
struct CorpusTests {
  @Test("no client's input traps the server", arguments: TestFile.names(in: "Corpus/SMTPLine"))
  func server(_ name: String) {
    let preamble = [
      "EHLO c.example\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "DATA\r\n",
    ]
    let bytes = TestFile.bytes("Corpus/SMTPLine/\(name)")
    for count in 0...preamble.count {
      var peer = ServerPeer()
      for line in preamble[..<count] { peer.send(line) }
      for piece in bytes.dropFirst().split(separator: 0xff) { peer.send(Array(piece)) }
      if !peer.session.hasEnded { peer.perform(peer.session.closed()) }
      #expect(peer.closeReason != nil)
    }
  }

  @Test("no server's replies trap the client", arguments: TestFile.names(in: "Corpus/Reply"))
  func client(_ name: String) {
    let bytes = TestFile.bytes("Corpus/Reply/\(name)")
    for dialect in [ClientSession.Dialect.smtp, .lmtp] {
      for var peer in [ClientPeer(dialect), .ready(["PIPELINING", "SIZE 100"], dialect)] {
        for piece in bytes.dropFirst().split(separator: 0xff) {
          if peer.session.isReady { peer.start(ClientPeer.task("x", "y", "z")) }
          if peer.session.wantsBody { peer.send(body: "A: b\n\n.x") }
          peer.perform(peer.session.received(Array(piece)))
        }
        peer.perform(peer.session.closed())
        #expect(peer.closeReason != nil)
      }
    }
  }
}
