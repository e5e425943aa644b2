// SPDX-License-Identifier: ISC

package import NIOCore
package import SMTP
package import TLS
package import Mail

/// Drives one `ClientSession` over a channel: bytes, deadlines, and nothing decided.
///
/// Used on the channel's event loop only. Commands leave in one write for each event; the last bytes
/// of a body leave with its final dot.
package final class RelaySessionHandler: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  /// What the session tells its owner, in order.
  package enum Event: Hashable, Sendable {
    /// `start` or `quit` may be called.
    case ready
    case outcome(recipient: Int, ClientSession.Outcome)
    case taskEnded
    /// Hand over the message.
    case wantsBody
    /// So many bytes of the message went out.
    case bodyWritten(Int)
    case rejectsAllMail
    /// The connection is encrypted.
    case secured(TLSSession.Facts)
    /// The last event.
    case closed(ClientSession.CloseReason, Progress)
  }

  /// How far the session's last task had come when it closed.
  package enum Progress: Hashable, Sendable {
    /// It said nothing at all to a task that it was given on a connection which had served before:
    /// the task may go over another connection.
    case untouched
    case begun
  }

  /// Makes the handler that puts the connection under TLS, or says why there is none.
  package typealias Securing = () throws(TLSError) -> TLSHandler

  private var session: ClientSession
  private let names: [IPAddress: String]
  private let securing: Securing?
  private let report: (Event) -> Void
  private var context: ChannelHandlerContext?
  private var deadline: NIODeadline?
  private var timer: Scheduled<Void>?
  private var timerDeadline = NIODeadline.distantFuture
  private var servedTasks = 0
  private var progress = Progress.begun

  /// - Parameters:
  ///   - names: what the session calls itself by local address, instead of its own name.
  ///   - securing: used when the session wants STARTTLS. One whose security is immediate finds the handler
  ///     in front of this one.
  package init(
    _ session: ClientSession,
    names: [IPAddress: String] = [:],
    securing: Securing? = nil,
    report: @escaping (Event) -> Void
  ) {
    self.session = session
    self.names = names
    self.securing = securing
    self.report = report
  }

  // MARK: What the owner wants

  /// Begins a task; only behind `ready`.
  package func start(_ task: ClientTask) {
    progress = servedTasks > 0 ? .untouched : .begun
    servedTasks += 1
    perform(session.start(task))
  }

  package var wantsBody: Bool { session.wantsBody }

  package func announces(_ keyword: ServerExtensions.Keywords) -> Bool {
    session.extensions.keywords.contains(keyword)
  }

  package func bodyArrived(_ chunk: ByteBuffer) {
    let count = chunk.readableBytes
    guard session.wantsBody else { return report(.bodyWritten(count)) }
    perform(session.bodyChunk(Array(chunk.readableBytesView)), reporting: count)
  }

  package func bodyEnded() { perform(session.bodyEnded()) }

  /// A whole small message: it and its final dot are one write.
  package func body(_ whole: ByteBuffer) {
    perform(session.bodyChunk(Array(whole.readableBytesView)) + session.bodyEnded())
  }

  package func bodyFailed(_ reason: String) { perform(session.bodyAborted(reason)) }

  package func quit() { perform(session.quit()) }

  // MARK: What the channel tells

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { begin() }
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    self.context = nil
  }

  package func channelActive(context: ChannelHandlerContext) { begin() }

  private func begin() {
    if !names.isEmpty, let text = context?.channel.localAddress?.ipAddress,
      let name = IPAddress(parsing: text).flatMap({ names[$0.unmapped] })
    {
      session.name = name
    }
    if session.security != .immediate { perform(session.connected()) }
  }

  /// The end of a handshake.
  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .established(let facts)? = event as? TLSEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    report(.secured(facts))
    perform(session.security == .immediate ? session.connected() : session.secured())
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = Self.unwrapInboundIn(data)
    let replies = session.repliesReceived
    let actions = session.received(Array(buffer.readableBytesView))
    // A server that sends a reply byte by byte does not hold the connection for ever.
    guard session.repliesReceived != replies || !actions.isEmpty else { return }
    if !mayGoElsewhere(actions) { progress = .begun }
    perform(actions)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    perform(session.closed())
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error as? TLSFailure {
    case .handshake(let reason): perform(session.tlsFailed(reason))
    case .signature(let reason): perform(session.unsigned(reason))
    case .record, nil: perform(session.closed())
    }
    context.close(promise: nil)
  }

  /// Whoever closes an idle connection does so, or says 421 before, just when a task is handed over.
  private func mayGoElsewhere(_ actions: [ClientSession.Action]) -> Bool {
    switch actions.last {
    case .close(.refused), .close(.lost): true
    default: false
    }
  }

  // MARK: Actions

  private func perform(_ actions: [ClientSession.Action], reporting bodyBytes: Int? = nil) {
    guard let context else { return }
    var bytes: ByteBuffer?
    for case .write(let output) in actions {
      if bytes == nil {
        bytes = context.channel.allocator.buffer(capacity: output.count)
      }
      bytes?.writeBytes(output)
    }
    send(bytes, reporting: bodyBytes, context)
    restartTimer(context)
    let isUntouched = progress == .untouched && mayGoElsewhere(actions)
    for action in actions where !isUntouched || action.isClose {
      switch action {
      case .write: break
      case .secure: secure(context)
      case .ready: report(.ready)
      case .sendBody: report(.wantsBody)
      case .outcome(let recipient, let outcome):
        report(.outcome(recipient: recipient, outcome))
      case .taskEnded: report(.taskEnded)
      case .rejectsAllMail: report(.rejectsAllMail)
      case .close(let reason):
        timer?.cancel()
        report(.closed(reason, isUntouched ? .untouched : .begun))
        context.close(promise: nil)
      }
    }
  }

  private func secure(_ context: ChannelHandlerContext) {
    do {
      guard let securing else { throw TLSError("there is no TLS") }
      let handler = try securing()
      try context.pipeline.syncOperations.addHandler(handler, position: .first)
    } catch {
      // Ours to mend: nothing goes in clear for it.
      perform(session.unsigned("\(error)"))
    }
  }

  /// Writes; what was written of a body is told when the socket took it.
  private func send(
    _ bytes: ByteBuffer?,
    reporting bodyBytes: Int?,
    _ context: ChannelHandlerContext
  ) {
    switch (bytes, bodyBytes) {
    case (nil, nil): break
    case (nil, let count?): report(.bodyWritten(count))
    case (let bytes?, nil): context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
    case (let bytes?, let count?):
      let promise = context.eventLoop.makePromise(of: Void.self)
      promise.futureResult.assumeIsolated().whenSuccess { [weak self] in
        guard let self, let context = self.context else { return }
        restartTimer(context)
        report(.bodyWritten(count))
      }
      context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: promise)
    }
  }

  /// One timer a connection: it is set anew when it fires too early, not with every event.
  private func restartTimer(_ context: ChannelHandlerContext) {
    guard let limit = session.timeLimit else {
      deadline = nil
      return
    }
    let end = context.eventLoop.now + .milliseconds(limit.wholeMilliseconds)
    deadline = end
    if timer == nil || end < timerDeadline { schedule(end, context) }
  }

  private func schedule(_ moment: NIODeadline, _ context: ChannelHandlerContext) {
    timer?.cancel()
    timerDeadline = moment
    timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: moment) { [weak self] in
      self?.timerFired()
    }
  }

  private func timerFired() {
    timer = nil
    guard let context, let deadline else { return }
    if deadline > context.eventLoop.now { return schedule(deadline, context) }
    perform(session.timedOut())
  }
}

extension ClientSession.Action {
  fileprivate var isClose: Bool { if case .close = self { true } else { false } }
}
