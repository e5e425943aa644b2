// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail

/// How many envelopes the open transactions of each client have together: nobody takes the memory that
/// the queue has for those of all.
final class OpenEnvelopes {
  /// What bounds one client, in envelopes of usual length.
  struct Limits: Sendable {
    /// Of one transaction.
    var ofMessage = EdgeLimits.envelopesOfMessage
    /// Beyond so many a recipient is refused, unless nearly all are of his own transaction.
    var ofClient = 20_000
    /// What others may have beside a transaction that may be as large as if it were alone, so that a
    /// client who always sends something small can send something large.
    var beside = 1_000
    /// What recipients that were asked about at the same time may make of that.
    var ofClientMax = 40_000
  }

  /// The reply to RCPT beyond the limit.
  static let tooMany = Reply(
    452,
    EnhancedStatus(.temporary, 5, 3),
    "Too many recipients of yours are under way, try again later"
  )

  /// Whose they are.
  fileprivate enum Client: Hashable {
    case network(SourceAddress)
    case user(UInt32)
  }

  private let limits: Limits
  private var counts: [Client: Int] = [:]

  init(limits: Limits = Limits()) { self.limits = limits }

  /// How many clients have any.
  var clientCount: Int { counts.count }

  /// The part of a transaction that has none yet.
  ///
  /// - Parameter user: of the submission socket; nil for the network.
  func share(of user: UInt32?, at source: SourceAddress) -> Share {
    if let user { return Share(.user(user), self) }
    return Share(ClientSessions.isBounded(source) ? .network(source.network) : nil, self)
  }

  private func add(_ count: Int, of client: Client) {
    let total = counts[client, default: 0] + count
    counts[client] = total == 0 ? nil : total
  }

  /// What one transaction has, counted for as long as this lives.
  final class Share {
    /// Nil: nobody who is bounded.
    private let client: Client?
    private let envelopes: OpenEnvelopes
    private(set) var count = 0

    fileprivate init(_ client: Client?, _ envelopes: OpenEnvelopes) {
      self.client = client
      self.envelopes = envelopes
    }

    deinit {
      if let client { envelopes.add(-count, of: client) }
    }

    /// A recipient stands for so many more.
    func add(_ more: Int) {
      count += more
      if let client { envelopes.add(more, of: client) }
    }

    /// How many more there may be.
    var room: Int {
      min(envelopes.limits.ofMessage - count, total == 0 ? .max : envelopes.limits.ofClient - total)
    }

    /// False when what came at the same time was far too much.
    var isWithinBounds: Bool { total <= envelopes.limits.ofClientMax }

    /// Those that count: none while the client has next to nothing but this transaction.
    private var total: Int {
      let total = client.flatMap { envelopes.counts[$0] } ?? count
      return total - count <= envelopes.limits.beside ? 0 : total
    }
  }
}
