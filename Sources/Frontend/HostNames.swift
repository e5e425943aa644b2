// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import NIOCore

/// The names that listeners have at their addresses (`hostnames`), asked of lookup.
final class HostNames {
  private enum Limits {
    /// How long a session waits for its name, in milliseconds; then it has the listener's own.
    static let patience: Int64 = 5000
  }

  private let context: RoleContext
  private var asked: [UInt64: (String?) -> Void] = [:]
  private var lastToken: UInt64 = 0

  init(_ context: RoleContext) { self.context = context }

  /// Asks through `send`, and tells the name; nil when there is none, or none in time.
  func ask(_ send: (UInt64) -> Void, _ tell: @escaping (String?) -> Void) {
    lastToken += 1
    let token = lastToken
    asked[token] = tell
    send(token)
    context.loop.assumeIsolated().scheduleTask(in: .milliseconds(Limits.patience)) {
      [weak self] in self?.answered(token, nil)
    }
  }

  /// Lookup said the name, or that there is none.
  func answered(_ token: UInt64, _ name: String?) { asked.removeValue(forKey: token)?(name) }
}

extension FrontendService {
  /// Tells the name that a listener's session goes by: that of `hostnames` for its address, else the
  /// listener's own. At once where the listener has no table.
  func askHostName(
    of listener: FrontendProjection.Listener,
    at address: IPAddress?,
    _ tell: @escaping (String) -> Void
  ) {
    guard listener.hostNames != nil, let address, let lookup else {
      return tell(listener.hostName)
    }
    hostNames.ask(
      { lookup.send(.hostName(token: $0, listener: listener.index, address)) },
      { tell($0 ?? listener.hostName) }
    )
  }
}
