// SPDX-License-Identifier: ISC

import Glibc
import Mail
import NIOCore
import NIOPosix

/// Feeds one envelope's message to a command that the supervisor starts, and learns what came of it.
///
///     scanning ──no loop──▶ requested ──started──▶ running ──exit, output read──▶ ended
///        └─ loop, body failed, refused, time is up ─────────────────────────────▶ ended
///
/// One event loop. Nothing is started before the header section was looked at.
final class LocalDeliverySession {
  /// What the session wants; the owner is told in order, `ended` last.
  enum Event {
    case request(length: Int)
    case fed
    case kill
    case bodyPassedOn(Int)
    case ended(DeliveryOutcome)
  }

  enum Limits {
    /// How long output is still read when the command has ended: a child of it may hold the pipe.
    static let outputGrace = TimeAmount.seconds(1)
    /// The supervisor ends a command that runs too long; this is for when it does not.
    static let commandGrace = TimeAmount.seconds(15)
  }

  private enum State {
    case scanning
    case requested
    case running
    case ended
  }

  private let eventLoop: any EventLoop
  private let window: Int
  private let head: [UInt8]
  private let length: Int
  private let commandTime: Duration
  private let report: (Event) -> Void
  private var state = State.scanning
  private var scan: DeliveredToScan
  /// Pieces that came before the command runs.
  private var held: [BodyInflow.Piece] = []
  private var heldBytes = 0
  private var input: (any Channel)?
  private var outputChannel: (any Channel)?
  private var output = CommandOutput()
  private var isOutputOver = false
  private var reading = CommandResult.Reading.partial
  private var exit: CommandExit?
  private var timer: Scheduled<Void>?

  init(
    on eventLoop: any EventLoop,
    message: Message,
    envelope: Envelope,
    settings: DeliverySettings,
    report: @escaping (Event) -> Void
  ) {
    self.eventLoop = eventLoop
    self.report = report
    window = settings.bodyWindow
    commandTime = settings.localLimits.commandTime
    head = DeliveryHead.bytes(sender: message.sender, destination: envelope.destination)
    length = head.count + message.size
    scan = DeliveredToScan(envelope.destination)
  }

  // MARK: The message

  func bodyArrived(_ piece: BodyInflow.Piece) {
    switch (state, piece) {
    case (.ended, _): break
    case (_, .failed(let reason)):
      if state != .scanning { report(.kill) }
      end(.temporary(EnhancedStatus(.temporary, 3, 0), DeliveryText.sanitized(reason)))
    case (.scanning, _):
      keep(piece)
      look(at: piece)
    case (.requested, _): keep(piece)
    case (.running, _): feed(piece)
    }
  }

  private func keep(_ piece: BodyInflow.Piece) {
    held.append(piece)
    if case .chunk(let chunk) = piece { heldBytes += chunk.readableBytes }
  }

  private func look(at piece: BodyInflow.Piece) {
    if case .chunk(let chunk) = piece { scan.read(chunk.readableBytesView) } else { scan.ended() }
    switch scan.verdict {
    case .loop: return end(.loop("Loop detected"))
    case .undecided where heldBytes < window: return
    case .undecided, .clear: break
    }
    state = .requested
    startTimer(.milliseconds(commandTime.wholeMilliseconds) + Limits.commandGrace)
    report(.request(length: length))
  }

  private func feed(_ piece: BodyInflow.Piece) {
    guard let input else { return }
    switch piece {
    case .chunk(let chunk):
      let count = chunk.readableBytes
      input.writeAndFlush(chunk).assumeIsolated().whenSuccess { [weak self] in
        self?.report(.bodyPassedOn(count))
      }
    case .end:
      // An empty write: it succeeds when everything before it did.
      input.writeAndFlush(ByteBuffer()).assumeIsolated().whenSuccess { [weak self] in
        self?.fed()
      }
    case .failed: break
    }
  }

  private func fed() {
    guard state == .running, exit == nil else { return }
    reading = .whole
    input?.close(promise: nil)
    report(.fed)
  }

  // MARK: The command

  /// Takes over both descriptors.
  func started(input: CInt, output: CInt) {
    guard state == .requested else {
      close(input)
      close(output)
      return
    }
    state = .running
    adopt(output, .output)
    adopt(input, .input)
  }

  private enum End {
    case input
    case output
  }

  private func adopt(_ descriptor: CInt, _ end: End) {
    let bootstrap = NIOPipeBootstrap(group: eventLoop)
    let channel: EventLoopFuture<any Channel>
    switch end {
    case .input:
      channel = bootstrap.takingOwnershipOfDescriptor(output: descriptor)
    case .output:
      let sink = NIOLoopBound(OutputSink(self), eventLoop: eventLoop)
      channel = bootstrap.channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(sink.value)
        }
      }
      .takingOwnershipOfDescriptor(input: descriptor)
    }
    channel.assumeIsolated().whenComplete { [weak self] result in
      switch (result, end) {
      case (.failure, _): close(descriptor)
      case (.success(let channel), .input): self?.inputOpened(channel)
      case (.success(let channel), .output): self?.outputOpened(channel)
      }
    }
  }

  private func inputOpened(_ channel: any Channel) {
    guard state == .running else { return channel.close(promise: nil) }
    input = channel
    channel.write(ByteBuffer(bytes: head), promise: nil)
    let pieces = held
    held = []
    for piece in pieces { feed(piece) }
  }

  private func outputOpened(_ channel: any Channel) {
    guard state == .running else { return channel.close(promise: nil) }
    outputChannel = channel
  }

  fileprivate func printed(_ bytes: ByteBuffer) { output.append(bytes.readableBytesView) }

  fileprivate func outputEnded() {
    isOutputOver = true
    endIfComplete()
  }

  /// The supervisor says how the command ended, or why it never began.
  ///
  /// - Parameter unread: bytes that were written to it and that nobody has read.
  func ended(_ exit: CommandExit, unread: Int) {
    guard state == .running || state == .requested else { return }
    self.exit = exit
    if unread > 0 { reading = .partial }
    if state == .requested || isOutputOver { return endIfComplete() }
    startTimer(Limits.outputGrace)
  }

  private func endIfComplete() {
    guard let exit, isOutputOver || state == .requested else { return }
    end(CommandResult.outcome(exit, reading, lastLine: output.lastLine))
  }

  /// The supervisor is gone, and the command with it.
  func abandoned() {
    end(.temporary(EnhancedStatus(.temporary, 3, 0), "The supervisor is restarting"))
  }

  private func startTimer(_ time: TimeAmount) {
    timer?.cancel()
    timer = eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in self?.timerFired() }
  }

  private func timerFired() {
    guard let exit else {
      report(.kill)
      return end(CommandResult.outcome(.timedOut, reading, lastLine: ""))
    }
    end(CommandResult.outcome(exit, reading, lastLine: output.lastLine))
  }

  private func end(_ outcome: DeliveryOutcome) {
    guard state != .ended else { return }
    state = .ended
    timer?.cancel()
    held = []
    input?.close(promise: nil)
    outputChannel?.close(promise: nil)
    report(.ended(outcome))
  }
}

/// Reads what the command prints, for as long as it prints.
private final class OutputSink: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private weak var session: LocalDeliverySession?

  init(_ session: LocalDeliverySession) { self.session = session }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    session?.printed(Self.unwrapInboundIn(data))
  }

  func channelInactive(context: ChannelHandlerContext) { session?.outputEnded() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
