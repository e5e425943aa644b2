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
    let key = try withFile(arguments[2]) { try PrivateKey(descriptor: $0) }
    let server = try TLSContext(.init(.server))
    try server.use(chain: chain)
    let client = try TLSSession(
      connecting: try TLSContext(.init(.client)),
      serverName: nil,
      verifyName: nil
    )
    let channel = EmbeddedChannel()
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 25)).wait()
    let handler = TLSHandler(try TLSSession(accepting: server), patience: .seconds(60)) {
      request,
      _,
      answer in answer(key.sign(request))
    }
    try channel.pipeline.syncOperations.addHandler(handler)
    for _ in 0..<8 {
      _ = client.step()
      try carry(from: client, to: channel)
      while let bytes = try channel.readOutbound(as: ByteBuffer.self) { client.feed(bytes) }
    }
    let block = ByteBuffer(repeating: 0x78, count: 64 << 10)
    var received = 0
    let start = ContinuousClock.now
    for _ in 0..<(megabytes * 16) {
      try client.write(block)
      try carry(from: client, to: channel)
      while let bytes = try channel.readInbound(as: ByteBuffer.self) {
        received += bytes.readableBytes
      }
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    guard received == megabytes << 20 else { throw Failure(text: "\(received) bytes came") }
    let rate = Double(megabytes) / seconds
    print("bulk through TLS, \(client.facts.text): \(Int(rate)) MB/s with both sides on one thread")
    let isReached = rate >= aim
    print("aim: at least \(Int(aim)) MB/s: \(isReached ? "reached" : "missed")")
    guard isReached else { throw Failure(text: "\(Int(rate)) MB/s are below \(Int(aim))") }
  }

  private static func carry(from client: TLSSession, to channel: EmbeddedChannel) throws {
    if let bytes = client.drain(channel.allocator) { try channel.writeInbound(bytes) }
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
