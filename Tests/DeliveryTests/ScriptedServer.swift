// SPDX-License-Identifier: ISC

import NIOCore
import NIOPosix
import Synchronization

/// An SMTP server on the loopback interface that behaves as a test wants.
final class ScriptedServer: Sendable {
  enum Stage: String, Sendable, CaseIterable {
    case greeting
    case ehlo = "EHLO"
    case mail = "MAIL"
    case recipient = "RCPT"
    case data = "DATA"
    case dot
  }

  enum Behaviour: Sendable, Equatable {
    case normal
    /// Takes one command at a time.
    case withoutPipelining
    /// Answers this at the stage, and is normal else.
    case reply(Stage, String)
    case drop(Stage)
    /// Says nothing from the stage on.
    case silence(Stage)
    /// A line without an end.
    case endlessLine
    /// A reply without an end.
    case endlessReply
    /// Closes each connection behind its first message, in the moment of the next MAIL.
    case closeWhenReused
    /// LMTP: a reply for each recipient behind the dot.
    case afterDot([String])
  }

  struct Record: Sendable {
    var connections = 0
    /// Complete bodies, with dots undone, in order.
    var messages: [String] = []
    var recipients: [String] = []
    /// What clients called themselves.
    var greetings: [String] = []
    /// Reads of the socket that ended with a final dot, and did not begin in one.
    var dotsAlone = 0
  }

  let port: UInt16
  private let channel: any Channel
  private let log: Log

  final class Log: Sendable {
    let record = Mutex(Record())
  }

  var record: Record { log.record.withLock { $0 } }

  init(_ behaviour: Behaviour, on group: any EventLoopGroup) async throws {
    let log = Log()
    self.log = log
    channel = try await ServerBootstrap(group: group)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(behaviour, log))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = UInt16(channel.localAddress?.port ?? 0)
  }

  func close() async throws { try await channel.close() }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let behaviour: Behaviour
    private let log: Log
    private var input = ByteBuffer()
    private var output = ""
    private var inData = false
    private var body = ""
    private var isSilent = false
    private var messages = 0

    init(_ behaviour: Behaviour, _ log: Log) {
      self.behaviour = behaviour
      self.log = log
    }

    func channelActive(context: ChannelHandlerContext) {
      log.record.withLock { $0.connections += 1 }
      switch behaviour {
      case .endlessLine, .endlessReply: flood(context)
      default:
        answer(.greeting, "220 test ESMTP", context)
        flush(context)
      }
    }

    private func flood(_ context: ChannelHandlerContext) {
      let unit =
        behaviour == .endlessLine
        ? String(repeating: "2", count: 4096) : String(repeating: "220-x\r\n", count: 500)
      let context = NIOLoopBound(context, eventLoop: context.eventLoop)
      context.value.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: unit)))
        .assumeIsolated().whenSuccess { [weak self] in self?.flood(context.value) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var bytes = Self.unwrapInboundIn(data)
      if inData, bytes.readableBytes == 3 { log.record.withLock { $0.dotsAlone += 1 } }
      input.writeBuffer(&bytes)
      while let end = input.readableBytesView.firstIndex(of: 10) {
        let count = end - input.readerIndex + 1
        var line = input.readString(length: count) ?? ""
        // CR and LF are one character.
        line.removeLast()
        take(line, context)
      }
      flush(context)
    }

    private func take(_ line: String, _ context: ChannelHandlerContext) {
      if inData { return takeBody(line, context) }
      switch line.prefix(4).uppercased() {
      case "EHLO", "LHLO":
        log.record.withLock { $0.greetings.append(String(line.dropFirst(5))) }
        let pipelining = behaviour == .withoutPipelining ? "" : "250-PIPELINING\r\n"
        answer(.ehlo, "250-test\r\n\(pipelining)250 DSN", context)
      case "MAIL":
        if behaviour == .closeWhenReused, messages > 0 { return context.close(promise: nil) }
        answer(.mail, "250 2.1.0 Ok", context)
      case "RCPT":
        log.record.withLock { $0.recipients.append(line) }
        answer(.recipient, "250 2.1.5 Ok", context)
      case "DATA":
        if answer(.data, "354 go ahead", context) { inData = true }
      case "QUIT":
        output += "221 bye\r\n"
        flush(context)
        context.close(promise: nil)
      default: output += "250 2.0.0 Ok\r\n"
      }
    }

    private func takeBody(_ line: String, _ context: ChannelHandlerContext) {
      guard line == "." else {
        body += (line.hasPrefix(".") ? String(line.dropFirst()) : line) + "\r\n"
        return
      }
      inData = false
      messages += 1
      let whole = body
      body = ""
      if case .afterDot(let replies) = behaviour {
        log.record.withLock { $0.messages.append(whole) }
        for reply in replies { output += reply + "\r\n" }
        return
      }
      if answer(.dot, "250 2.0.0 Taken", context) {
        log.record.withLock { $0.messages.append(whole) }
      }
    }

    /// Returns whether it went as usual.
    @discardableResult
    private func answer(
      _ stage: Stage,
      _ usual: String,
      _ context: ChannelHandlerContext
    ) -> Bool {
      switch behaviour {
      case .reply(stage, let text):
        output += text + "\r\n"
        return text.hasPrefix("2") || text.hasPrefix("3")
      case .drop(stage):
        context.close(promise: nil)
        return false
      case .silence(stage):
        isSilent = true
        return false
      default:
        output += usual + "\r\n"
        return true
      }
    }

    private func flush(_ context: ChannelHandlerContext) {
      guard !isSilent, !output.isEmpty else { return }
      context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: output)), promise: nil)
      output = ""
    }
  }
}
