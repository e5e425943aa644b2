// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import NIOCore
internal import SMTP

/// Connections as they begin: with a session, or with a proxy's header before it.
extension FrontendService {
  private enum Limits {
    /// How long a proxy's header may be on its way; `smtp limit timeout` where that is shorter.
    static let proxyPatience = Duration.seconds(30)
  }

  /// Puts the handlers of a new connection in place.
  func admit(_ channel: any Channel, by listener: FrontendProjection.Listener) throws {
    guard listener.proxyHeader == .version2 else {
      return try serve(channel, ConnectionEnds(channel), by: listener)
    }
    guard makeRoom() else {
      // There may be room by the time that it begins, and still nobody knows whose it is.
      return try serve(channel, ConnectionEnds(channel), by: listener, for: .unknown)
    }
    let patience = min(Limits.proxyPatience, projection.limits.timeout).wholeMilliseconds
    var number: UInt64 = 0
    let handler = ProxyHandler(patience: .milliseconds(patience)) { [unowned self] outcome in
      awaitedHeaders.end(number)
      finished(outcome, channel, by: listener)
    }
    number = awaitedHeaders.begin(SourceAddress(channel.remoteAddress), at: Clock.rising()) {
      [weak handler] in handler?.giveUp(.displaced, channel)
    }
    try channel.pipeline.syncOperations.addHandler(handler)
  }

  /// Whether one more connection is within the limit, for which one that owes its header may have to go.
  func makeRoom() -> Bool {
    guard !isRoomLeft else { return true }
    awaitedHeaders.first(toGoAt: Clock.rising(), of: sessionsMax)?()
    return isRoomLeft
  }

  private func serve(
    _ channel: any Channel,
    _ ends: ConnectionEnds,
    by listener: FrontendProjection.Listener,
    for client: SessionHandler.Client = .known
  ) throws {
    try channel.pipeline.syncOperations.addHandler(
      SessionHandler(self, listener, channel, ends, for: client)
    )
  }

  private func finished(
    _ outcome: ProxyHandler.Outcome,
    _ channel: any Channel,
    by listener: FrontendProjection.Listener
  ) {
    let proxy = ConnectionEnds(channel)
    let address = IPAddress(proxy.source).map { "\($0)" } ?? "local"
    switch outcome {
    case .header(let header):
      let ends = ConnectionEnds(header, over: channel)
      let client = IPAddress(ends.source).map { "\($0)" } ?? "local"
      context.log.line("\(ends.id) smtp event=proxy address=\(client) proxy=\(address)")
      do {
        try serve(channel, ends, by: listener)
      } catch {
        context.log.line("\(ends.id) smtp bad-input result=\"TLS failed: \(error)\"")
        channel.close(promise: nil)
      }
    case .refused(let fault): refused("\(fault)")
    case .late: refused("no PROXY header in time")
    case .displaced: refused("no PROXY header yet, and its place was needed")
    case .truncated: refused("PROXY header cut off")
    case .unused: break
    }

    func refused(_ text: String) {
      context.log.line("\(proxy.id) smtp bad-input result=\"\(text)\" proxy=\(address)")
    }
  }
}

extension SessionHandler {
  /// Whether it is known whose connection it is.
  enum Client {
    case known
    /// A proxy has not said it: the connection is turned away.
    case unknown
  }
}
