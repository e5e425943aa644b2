// SPDX-License-Identifier: ISC

package import ControlProtocol

/// Which client waits for which role. Pure: told what arrived, says what to send.
///
///     client ──request──▶ role 1 ──final──▶ role 2 … ──final──▶ answer
///                           ▲ more │ part, passed on as it is
///
/// Of statistics each role is waited for a while, and left out, with a word about that, when it says nothing.
package struct RequestTable: Sendable {
  package typealias ClientID = UInt64

  package enum Action: Equatable, Sendable {
    case send(ControlRequest, id: UInt32, to: ControlTarget)
    /// Say `late` in `ControlServerLimits.statisticsWait`.
    case watch(id: UInt32, ControlTarget)
    /// Encoded, as it goes to the client.
    case respond(ClientID, id: UInt32, content: [UInt8])
    /// The client broke the protocol: its connection ends.
    case drop(ClientID, reason: String)
  }

  private struct Pending {
    let client: ClientID
    /// The identifier that the client chose.
    let id: UInt32
    let request: ControlRequest
    let route: ControlRoute
    /// The index of the role that has it now.
    var position = 0
    var credits = 1
    /// The answer of the role that decides.
    var answer: [UInt8]?
    var statistics: [String: Int64] = [:]

    var target: ControlTarget { route.targets[position] }
  }

  private struct Key: Hashable {
    let client: ClientID
    let id: UInt32
  }

  private let limits: ControlServerLimits
  private var pending: [UInt32: Pending] = [:]
  private var identifiers: [Key: UInt32] = [:]
  private var counts: [ClientID: Int] = [:]
  private var reachable: Set<ControlTarget> = []
  private var lastID: UInt32

  /// - Parameter lastID: where the numbers that roles see begin. To be random, since a role may answer what an
  ///   earlier process of ours has asked.
  package init(limits: ControlServerLimits = ControlServerLimits(), lastID: UInt32 = 0) {
    self.limits = limits
    self.lastID = lastID
  }

  /// Requests without a final answer.
  package var count: Int { pending.count }

  /// The edge to a role stands.
  package mutating func connected(_ target: ControlTarget) { reachable.insert(target) }

  /// The edge to a role ended: what it had goes on without it, or fails.
  package mutating func lost(_ target: ControlTarget) -> [Action] {
    reachable.remove(target)
    let affected = pending.filter { $0.value.target == target }.keys.sorted()
    return affected.flatMap { id in
      finished(id, .failure("the \(target.rawValue) ended meanwhile; try again"))
    }
  }

  /// A client asks. `own` are the statistics of this role, for whoever asks for statistics.
  package mutating func received(
    _ request: ControlRequest,
    id: UInt32,
    from client: ClientID,
    own: [Statistic] = []
  ) -> [Action] {
    let key = Key(client: client, id: id)
    switch request {
    case .more: return credit(key)
    case .cancel: return cancel(key)
    default: break
    }
    guard id != 0, identifiers[key] == nil else {
      return [.drop(client, reason: "a request identifier in use")]
    }
    guard counts[client, default: 0] < limits.requestsPerClient else {
      return [
        .respond(
          client,
          id: id,
          content: ControlResponse.failure("too many requests at once").encoded()
        )
      ]
    }
    let edgeID = nextID()
    var entry = Pending(client: client, id: id, request: request, route: ControlRoute(request))
    for statistic in own { entry.statistics[statistic.name] = statistic.value }
    pending[edgeID] = entry
    identifiers[key] = edgeID
    counts[client, default: 0] += 1
    return visit(edgeID)
  }

  /// A client went away.
  package mutating func gone(_ client: ClientID) -> [Action] {
    let ids = pending.filter { $0.value.client == client }.keys.sorted()
    return ids.flatMap { cancelled($0) }
  }

  /// A role responded. What nobody waits for any longer is dropped.
  package mutating func received(
    response content: [UInt8],
    id: UInt32,
    from target: ControlTarget
  ) -> [Action] {
    guard let entry = pending[id], entry.target == target else { return [] }
    guard content.count + ControlFrame.overhead <= ControlLimits.frame else {
      return finished(id, .failure("the \(target.rawValue) answered too much at once"))
    }
    guard ControlResponse.isFinal(encoded: content) else {
      pending[id]?.credits = max(0, entry.credits - 1)
      return [.respond(entry.client, id: entry.id, content: content)]
    }
    if entry.position == 0, entry.route.rule == .agree, entry.route.targets.count == 1 {
      return answer(id, content)
    }
    guard let response = try? ControlResponse(decoding: content) else {
      return finished(id, .failure("the \(target.rawValue) answered nonsense"))
    }
    return finished(id, response)
  }

  /// A role had its time. Nothing happens when it answered meanwhile.
  package mutating func late(_ id: UInt32, _ target: ControlTarget) -> [Action] {
    guard let entry = pending[id], entry.target == target else { return [] }
    return finished(id, .failure("the \(target.rawValue) did not answer"))
  }

  private mutating func credit(_ key: Key) -> [Action] {
    // The answer may have ended while the credit was on its way.
    guard let id = identifiers[key], let entry = pending[id] else { return [] }
    guard entry.credits < limits.creditsPerRequest else {
      return [.drop(key.client, reason: "too many credits")]
    }
    pending[id]?.credits += 1
    return [.send(.more, id: id, to: entry.target)]
  }

  private mutating func cancel(_ key: Key) -> [Action] {
    guard let id = identifiers[key] else { return [] }
    return cancelled(id)
  }

  private mutating func cancelled(_ id: UInt32) -> [Action] {
    guard let entry = remove(id) else { return [] }
    return reachable.contains(entry.target) ? [.send(.cancel, id: id, to: entry.target)] : []
  }

  /// Asks the role whose turn it is.
  private mutating func visit(_ id: UInt32) -> [Action] {
    guard let entry = pending[id] else { return [] }
    guard reachable.contains(entry.target) else {
      return finished(id, .failure("the \(entry.target.rawValue) does not run; try again"))
    }
    let send = Action.send(entry.request, id: id, to: entry.target)
    return entry.route.rule == .gather ? [send, .watch(id: id, entry.target)] : [send]
  }

  /// A role is done with a request: on to the next, or to the client.
  private mutating func finished(_ id: UInt32, _ response: ControlResponse) -> [Action] {
    guard var entry = pending[id] else { return [] }
    switch entry.route.rule {
    case .gather:
      if case .statistics(let statistics) = response {
        for statistic in statistics {
          entry.statistics[statistic.name, default: 0] &+= statistic.value
        }
      } else {
        let silent = Statistic.silent(entry.target.rawValue)
        entry.statistics[silent.name] = silent.value
      }
    case .agree where entry.position == 0:
      if case .failure = response { return answer(id, response.encoded()) }
      entry.answer = response.encoded()
    case .agree: break
    }
    entry.position += 1
    guard entry.position < entry.route.targets.count else {
      let gathered = entry.statistics.prefix(ControlLimits.statistics)
        .map { Statistic($0.key, $0.value) }.sorted { $0.name < $1.name }
      return answer(id, entry.answer ?? ControlResponse.statistics(gathered).encoded())
    }
    pending[id] = entry
    return visit(id)
  }

  private mutating func answer(_ id: UInt32, _ content: [UInt8]) -> [Action] {
    guard let entry = remove(id) else { return [] }
    return [.respond(entry.client, id: entry.id, content: content)]
  }

  private mutating func remove(_ id: UInt32) -> Pending? {
    guard let entry = pending.removeValue(forKey: id) else { return nil }
    identifiers[Key(client: entry.client, id: entry.id)] = nil
    let left = counts[entry.client, default: 1] - 1
    counts[entry.client] = left > 0 ? left : nil
    return entry
  }

  private mutating func nextID() -> UInt32 {
    repeat { lastID &+= 1 } while lastID == 0 || pending[lastID] != nil
    return lastID
  }
}
