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
    /// That there is no answer, for so long: another one comes at once when name servers do.
    static let lifeOfFailure: Int64 = 5000
    /// How long a session waits for its client's name, in milliseconds.
    static let patience: Int64 = 5000
  }

  /// What is known of a client's name.
  package enum Answer: Hashable, Sendable {
    case name(String)
    /// It has none.
    case absent
    /// The name servers, or the resolver, did not say it in time, or said that they cannot.
    case failed

    /// As sessions have it.
    package var text: String { if case .name(let name) = self { name } else { "<unknown>" } }

    /// Whether a rule may go by `text`.
    package var lookup: ReverseLookup { self == .failed ? .failed : .answered }
  }

  private let context: RoleContext
  private var edge: QueryEdge?
  /// How many edges there were.
  private var connections = 0
  private var remembered: [SourceAddress: (answer: Answer, until: Int64)] = [:]
  private var waiting: [SourceAddress: [(Answer) -> Void]] = [:]
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
        let answer = Answer(reply.answer.outcome)
        remember(answer, of: source)
        tell(answer, of: source)
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .resolver)
        // One that was replaced may end later than its successor begins.
        guard connections == connection else { return }
        edge = nil
        asked = [:]
        for source in Array(waiting.keys) { tell(.failed, of: source) }
      }
    )
  }

  /// Tells the name of a client.
  package func name(of source: SourceAddress, _ tell: @escaping (Answer) -> Void) {
    guard let address = IPAddress(source) else { return tell(.name("localhost")) }
    let now = Clock.rising()
    if let known = remembered[source], known.until > now { return tell(known.answer) }
    guard let edge else { return tell(.failed) }
    waiting[source, default: []].append(tell)
    guard waiting[source]?.count == 1 else { return }
    nextToken += 1
    asked[nextToken] = source
    edge.send(ResolverQuery(token: nextToken, question: .pointer(address)))
    let token = nextToken
    context.loop.assumeIsolated().scheduleTask(in: .milliseconds(Limits.patience)) {
      [unowned self] in
      guard let source = asked.removeValue(forKey: token) else { return }
      remember(.failed, of: source)
      self.tell(.failed, of: source)
    }
  }

  private func remember(_ answer: Answer, of source: SourceAddress) {
    if remembered.count >= Limits.names { remembered = [:] }
    let life = answer == .failed ? Limits.lifeOfFailure : Limits.life
    remembered[source] = (answer, Clock.rising() + life)
  }

  private func tell(_ answer: Answer, of source: SourceAddress) {
    for tell in waiting.removeValue(forKey: source) ?? [] { tell(answer) }
  }
}

extension ReverseNames.Answer {
  init(_ outcome: DNSAnswer.Outcome) {
    switch outcome {
    case .records(.names(let names)): self = names.first.map { .name($0.text) } ?? .absent
    case .records(.addresses), .records(.mailExchangers), .nonexistent, .noData: self = .absent
    case .bogus, .temporary: self = .failed
    }
  }
}
