// SPDX-License-Identifier: ISC

/// Any bytes as records of TLS: to a side that has said nothing yet, to one that is established, and in the
/// place of what the other side said.
///
/// The first byte chooses, the second says how many bytes come at a time.
enum TLSRecordInput {
  /// What the first byte chooses: a version, a side, and what is done to it.
  static let choices = 12

  static func run(_ bytes: [UInt8]) {
    guard bytes.count > 2 else { return }
    let choice = Int(bytes[0]) % choices
    let isServer = choice & 1 == 0
    let version = choice & 2 == 0 ? TLSSide.version12 : TLSSide.version13
    let chunk = max(1, Int(bytes[1]))
    let rest = Array(bytes[2...])
    switch choice / 4 {
    case 0: begin(TLSSide(isServer: isServer, version), rest, chunk)
    case 1: goOn(isServer, version, rest, chunk)
    default: change(isServer, version, rest, chunk)
    }
  }

  /// The first bytes of a connection. Nobody signed anything, so that no handshake can end well.
  private static func begin(_ side: TLSSide, _ bytes: [UInt8], _ chunk: Int) {
    _ = side.step()
    _ = side.drain()
    var hasFailed = false
    for part in parts(bytes, chunk) {
      side.feed(part)
      let step = side.step()
      precondition(step != .done, "a handshake ended without a signature")
      precondition(!hasFailed || step == .failed, "a failure was not final")
      hasFailed = step == .failed
      precondition(!hasFailed || !side.reason.isEmpty, "a failure without a reason")
      // An alert, or an answer, but no flood.
      precondition(side.drain().count < 1 << 16)
    }
  }

  /// Bytes behind a handshake: none of them was said by the other side.
  private static func goOn(_ isServer: Bool, _ version: UInt32, _ bytes: [UInt8], _ chunk: Int) {
    let (one, _) = established(isServer, version)
    for part in parts(bytes, chunk) {
      one.feed(part)
      precondition(one.read().isEmpty, "something was heard that nobody said")
      _ = one.drain()
    }
  }

  /// A record on its way is changed, cut, or followed by others: what is heard is what was said, or nothing.
  private static func change(_ isServer: Bool, _ version: UInt32, _ bytes: [UInt8], _ chunk: Int) {
    let (one, other) = established(isServer, version)
    let said = Array("MAIL FROM:<a@example.org>\r\n".utf8)
    other.write(said)
    var records = other.drain()
    let place = Int(bytes[0]) % records.count
    var isChanged = false
    for (index, byte) in bytes.dropFirst().enumerated() {
      if place + index < records.count {
        records[place + index] ^= byte
        isChanged = isChanged || byte != 0
      } else {
        records.append(byte)
      }
    }
    var heard: [UInt8] = []
    for part in parts(records, chunk) {
      one.feed(part)
      heard += one.read()
    }
    precondition(heard == (isChanged ? [] : said), "what was heard is not what was said")
  }

  private static func established(_ isServer: Bool, _ version: UInt32) -> (TLSSide, TLSSide) {
    let server = TLSSide(isServer: true, version)
    let client = TLSSide(isServer: false, version)
    for _ in 0..<8 {
      let steps = (client.step(), server.step())
      server.feed(client.drain())
      if server.step() == .signature { server.sign() }
      client.feed(server.drain())
      if steps == (.done, .done) { break }
    }
    precondition(client.step() == .done && server.step() == .done, "no handshake")
    _ = client.read()
    _ = server.read()
    return isServer ? (server, client) : (client, server)
  }

  private static func parts(_ bytes: [UInt8], _ chunk: Int) -> [[UInt8]] {
    stride(from: 0, to: bytes.count, by: chunk).map { start in
      Array(bytes[start..<min(start + chunk, bytes.count)])
    }
  }
}
