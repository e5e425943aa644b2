// SPDX-License-Identifier: ISC

internal import Configuration
internal import Scheduler

/// How many tasks delivery has for each destination. At as many as it takes before it sends them back
/// the destination is full: what is due there waits in the schedule, unread and unsent.
///
/// Destinations that share one of delivery's waiting rooms can still exceed it together. What comes
/// back then is held as delivery asks.
struct DestinationLoad {
  /// A destination as the schedule knows it.
  struct Key: Hashable {
    let kind: Scheduler.Kind
    let name: String
  }

  private let local: Int
  private let relay: Int
  private let relayByDomain: [String: Int]
  private var tasks: [Key: Int] = [:]

  init(_ projection: QueueProjection) {
    local = projection.localLimits.tasksHigh
    relay = projection.relayLimits.tasksHigh
    relayByDomain = projection.relayLimitsByDomain.mapValues(\.tasksHigh)
  }

  /// A task begins. Returns how many more the destination can take.
  mutating func begun(_ key: Key) -> Int {
    tasks[key, default: 0] += 1
    return room(key)
  }

  /// A task is over.
  mutating func ended(_ key: Key) -> Int {
    if let count = tasks[key] { tasks[key] = count > 1 ? count - 1 : nil }
    return room(key)
  }

  private func room(_ key: Key) -> Int { max(0, max(1, most(key)) - tasks[key, default: 0]) }

  private func most(_ key: Key) -> Int {
    guard key.kind == .relay else { return local }
    guard !relayByDomain.isEmpty,
      let domain = key.name.split(separator: "\u{1}", maxSplits: 1).dropFirst().first
    else { return relay }
    return relayByDomain[String(domain)] ?? relay
  }
}
