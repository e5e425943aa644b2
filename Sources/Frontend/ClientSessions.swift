// SPDX-License-Identifier: ISC

internal import Mail

/// How many sessions each client has: nobody takes the places of all the others.
struct ClientSessions {
  let limit: Int
  private var counts: [SourceAddress: Int] = [:]

  init(limit: Int) { self.limit = limit }

  /// Counts one that begins. Returns false, and counts nothing, when its client has as many as it may.
  mutating func begin(_ source: SourceAddress) -> Bool {
    guard ClientSessions.isBounded(source) else { return true }
    let count = counts[source.network, default: 0]
    guard count < limit else { return false }
    counts[source.network] = count + 1
    return true
  }

  /// One that `begin` counted is over.
  mutating func end(_ source: SourceAddress) {
    guard ClientSessions.isBounded(source), let count = counts[source.network] else { return }
    counts[source.network] = count > 1 ? count - 1 : nil
  }

  /// Whether an address has a share. This machine's own programs have none: users of the submission
  /// socket have others.
  static func isBounded(_ source: SourceAddress) -> Bool {
    IPAddress(source).map { !$0.isLoopback } ?? false
  }
}
