// SPDX-License-Identifier: ISC

internal import Glibc
internal import NIOCore
internal import NIOEmbedded
internal import TLS

/// Measures bulk bytes through `TLSHandler`: TLSBenchmark CERTIFICATE KEY [MEGABYTES].
///
/// One thread does both sides, so a server alone has about twice the rate. Ends with 1 below `aim`.
enum TLSBenchmark {
  /// What both sides on one thread have at least, in MB/s.
  private static let aim = 150.0

  struct Failure: Error { let text: String }

  static func run() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 3 else {
      throw Failure(text: "usage: TLSBenchmark CERTIFICATE KEY [MB]")
    }
    let megabytes = arguments.count > 3 ? Int(arguments[3]) ?? 1024 : 1024
    let chain = try read(arguments[1])
    guard let key = try withFile(arguments[2], { try PrivateKey(descriptor: $0) }) else {
      throw Failure(text: "\(arguments[2]): encrypted")
    }
    let server = try TLSContext(.init(.server))
    try server.use(chain: chain)
    let client = try side(
      try TLSSession(
        connecting: try TLSContext(.init(.client)),
        serverName: nil,
        verifyName: nil
      ),
      signing: nil
    )
    let ours = try side(try TLSSession(accepting: server), signing: key)
    for _ in 0..<8 {
      try carry(from: client, to: ours)
      try carry(from: ours, to: client)
    }
    var tooSlow: [String] = []
    for (direction, from, to) in [("taken", client, ours), ("sent", ours, client)] {
      let rate = try measure(megabytes, from: from, to: to)
      print("bulk through TLS, \(direction): \(Int(rate)) MB/s with both sides on one thread")
      if rate < aim { tooSlow.append("\(Int(rate)) MB/s \(direction) are below \(Int(aim))") }
    }
    print("aim: at least \(Int(aim)) MB/s: \(tooSlow.isEmpty ? "reached" : "missed")")
    guard tooSlow.isEmpty else { throw Failure(text: tooSlow.joined(separator: ", ")) }
  }

  /// A channel under TLS.
  private static func side(
    _ session: TLSSession,
    signing key: PrivateKey?
  ) throws -> EmbeddedChannel {
    let channel = EmbeddedChannel()
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 25)).wait()
    let handler = TLSHandler(session, patience: .seconds(60)) { request, _, answer in
      answer(key?.sign(request))
    }
    try channel.pipeline.syncOperations.addHandler(handler)
    return channel
  }

  /// What is said on one side arrives at the other. Returns MB/s.
  private static func measure(
    _ megabytes: Int,
    from: EmbeddedChannel,
    to: EmbeddedChannel
  ) throws -> Double {
    let block = ByteBuffer(repeating: 0x78, count: 64 << 10)
    var received = 0
    let start = ContinuousClock.now
    for _ in 0..<(megabytes * 16) {
      from.writeAndFlush(block, promise: nil)
      try carry(from: from, to: to)
      while let bytes = try to.readInbound(as: ByteBuffer.self) { received += bytes.readableBytes }
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    guard received == megabytes << 20 else { throw Failure(text: "\(received) bytes came") }
    return Double(megabytes) / seconds
  }

  private static func carry(from: EmbeddedChannel, to: EmbeddedChannel) throws {
    while let bytes = try from.readOutbound(as: ByteBuffer.self) {
      to.pipeline.fireChannelRead(bytes)
    }
    to.pipeline.fireChannelReadComplete()
  }

  private static func withFile<Result>(
    _ path: String,
    _ body: (CInt) throws -> Result
  ) throws -> Result {
    // A path is read during the call only.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure(text: path) }
    defer { close(descriptor) }
    return try body(descriptor)
  }

  private static func read(_ path: String) throws -> [UInt8] {
    try withFile(path) { descriptor in
      var bytes = [UInt8](repeating: 0, count: 1 << 20)
      // The array has the length given.
      let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
      return Array(bytes[..<max(0, count)])
    }
  }
}

do {
  try TLSBenchmark.run()
} catch {
  print("TLSBenchmark: \(error)")
  exit(1)
}
