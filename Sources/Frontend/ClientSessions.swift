// SPDX-License-Identifier: ISC

internal import Mail

/// How many sessions each client has: nobody takes the places of all the others. Pure.
///
/// A client of the network has a share of its own. The programs of this machine, which nothing tells apart
/// on the loopback, have one together, and leave room for the network. root has a few places that nobody
/// else can take, so that whatever fills the others can be reported.
struct ClientSessions {
  /// Whose place a session has.
  enum Place {
    /// The client's.
    case ofClient
    /// This machine's.
    case ofMachine
    /// root's, over the submission socket: beside `sessionsMax`.
    case ofRoot
  }

  /// What root has for itself.
  static let rootMax = 8

  /// Of one client.
  let limit: Int
  /// Of this machine's programs together.
  let machineMax: Int
  /// How many of root's places are taken.
  private(set) var ofRoot = 0
  private var ofMachine = 0
  private var counts: [SourceAddress: Int] = [:]

  /// - Parameters:
  ///   - limit: of one client.
  ///   - sessionsMax: of all, of which this machine has three quarters.
  init(limit: Int, sessionsMax: Int) {
    self.limit = limit
    machineMax = max(1, sessionsMax * 3 / 4)
  }

  /// Counts one that begins over the submission socket, as one of root's. Returns nil when the place has to be
  /// another.
  mutating func beginOfRoot(_ user: UInt32?) -> Place? {
    guard user == 0, ofRoot < ClientSessions.rootMax else { return nil }
    ofRoot += 1
    return .ofRoot
  }

  /// Counts one that begins. Returns nil, and counts nothing, when its client has as many as it may.
  mutating func begin(_ source: SourceAddress) -> Place? {
    guard ClientSessions.isBounded(source) else {
      guard ofMachine < machineMax else { return nil }
      ofMachine += 1
      return .ofMachine
    }
    let count = counts[source.network, default: 0]
    guard count < limit else { return nil }
    counts[source.network] = count + 1
    return .ofClient
  }

  /// One that began at this place is over.
  mutating func end(_ source: SourceAddress, at place: Place) {
    switch place {
    case .ofRoot: ofRoot -= 1
    case .ofMachine: ofMachine -= 1
    case .ofClient:
      guard let count = counts[source.network] else { preconditionFailure("ended twice") }
      counts[source.network] = count > 1 ? count - 1 : nil
    }
    precondition(ofRoot >= 0 && ofMachine >= 0, "ended twice")
  }

  /// Whether an address has a share. This machine's own programs have none of that kind: users of the
  /// submission socket have others.
  static func isBounded(_ source: SourceAddress) -> Bool {
    IPAddress(source).map { !$0.isLoopback } ?? false
  }
}
