// SPDX-License-Identifier: ISC

internal import DNS
package import Interprocess
package import Mail
internal import NIOCore

/// The reverse names of clients, asked of the resolver and remembered for a while.
package final class ReverseNames {
  private typealias QueryEdge = Edge<ResolverQuery, ResolverReply>

  private enum Limits {
    /// Names that are remembered.
    static let names = 4096
    /// For so long, in milliseconds.
    static let life: Int64 = 60_000
    /// How long a session waits for its client's name, in milliseconds.
    static let patience: Int64 = 5000
  }

  /// Of a client without a name.
  package static let unknown = "<unknown>"

  private let context: RoleContext
  private var edge: QueryEdge?
  /// How many edges there were.
  private var connections = 0
  private var remembered: [SourceAddress: (name: String, until: Int64)] = [:]
  private var waiting: [SourceAddress: [(String) -> Void]] = [:]
  private var asked: [UInt64: SourceAddress] = [:]
  private var nextToken: UInt64 = 0

  package init(_ context: RoleContext) { self.context = context }

  /// A new edge to the resolver.
  package func connect(_ descriptor: CInt) {
    connections += 1
    let connection = connections
    edge = QueryEdge(
      descriptor: descriptor,
      peer: .resolver,
      on: context.loop,
      receive: { [unowned self] reply in
        guard let source = asked.removeValue(forKey: reply.token) else { return }
        var name = ReverseNames.unknown
        if case .records(.names(let names)) = reply.answer.outcome, let first = names.first {
          name = first.text
        }
        remember(name, of: source)
        tell(name, of: source)
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .resolver)
        // One that was replaced may end later than its successor begins.
        guard connections == connection else { return }
        edge = nil
        asked = [:]
        for source in Array(waiting.keys) { tell(ReverseNames.unknown, of: source) }
      }
    )
  }

  /// Tells the name of a client, `<unknown>` when it has none or it cannot be told in time.
  package func name(of source: SourceAddress, _ tell: @escaping (String) -> Void) {
    guard let address = IPAddress(source) else { return tell("localhost") }
    let now = Clock.rising()
    if let known = remembered[source], known.until > now { return tell(known.name) }
    guard let edge else { return tell(ReverseNames.unknown) }
    waiting[source, default: []].append(tell)
    guard waiting[source]?.count == 1 else { return }
    nextToken += 1
    asked[nextToken] = source
    edge.send(ResolverQuery(token: nextToken, question: .pointer(address)))
    let token = nextToken
    context.loop.assumeIsolated().scheduleTask(in: .milliseconds(Limits.patience)) {
      [unowned self] in
      guard let source = asked.removeValue(forKey: token) else { return }
      remember(ReverseNames.unknown, of: source)
      self.tell(ReverseNames.unknown, of: source)
    }
  }

  private func remember(_ name: String, of source: SourceAddress) {
    if remembered.count >= Limits.names { remembered = [:] }
    remembered[source] = (name, Clock.rising() + Limits.life)
  }

  private func tell(_ name: String, of source: SourceAddress) {
    for tell in waiting.removeValue(forKey: source) ?? [] { tell(name) }
  }
}
