// SPDX-License-Identifier: ISC

package import Mail

/// A pause between two connections.
package enum ConnectionDelay: Hashable, Sendable {
  /// As the operator set it.
  case always(Duration)
  /// A default: who took a message since the last failure is not slowed down.
  case untilGoodStanding(Duration)

  /// When a pause that began at `start` is over.
  package func end(since start: Instant?, _ standing: Standing) -> Instant {
    guard let start else { return .epoch }
    switch self {
    case .always(let pause): return pause == .zero ? .epoch : start + pause
    case .untilGoodStanding(let pause): return standing == .good ? .epoch : start + pause
    }
  }
}

/// Whether a message was taken since the last failure.
package enum Standing: Sendable {
  case unproven
  case good
}

/// The connections that something shares in, for its limit and its pause.
package struct ConnectionUse: Sendable {
  package private(set) var connections = 0
  package private(set) var lastConnection: Instant?
  package var standing = Standing.unproven

  package init() {}

  package mutating func connecting(at now: Instant) {
    connections += 1
    lastConnection = now
  }

  package mutating func ended() {
    precondition(connections > 0)
    connections -= 1
  }

  package enum Permission: Hashable, Sendable {
    case allowed
    case full
    case notBefore(Instant)
  }

  package func permission(max: Int, delay: ConnectionDelay, at now: Instant) -> Permission {
    guard connections < max else { return .full }
    let earliest = delay.end(since: lastConnection, standing)
    return earliest > now ? .notBefore(earliest) : .allowed
  }
}
