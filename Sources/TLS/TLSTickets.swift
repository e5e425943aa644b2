// SPDX-License-Identifier: ISC

internal import COpenSSL

/// Whom a client's session is with. What one peer gave is never shown to another.
package struct TLSPeer: Hashable, Sendable {
  /// The name that its certificate has to be for, and that it is asked by.
  package var name: String
  /// An address with a port, in any form.
  package var endpoint: String
  /// Who we are to it, in any form: what one of our identities was given would tell who another one is.
  package var identity: String

  /// The host of that name at that endpoint.
  package init(name: String, endpoint: String, identity: String = "") {
    self.name = name
    self.endpoint = endpoint
    self.identity = identity
  }
}

/// What a server gave to spare the next handshake its signatures.
@safe final class TLSTicket {
  // Freed in deinit; sessions that it was offered by hold it by themselves.
  let pointer: OpaquePointer
  /// When the handshake was over that verified what it stands for: not the one it was given in, where that
  /// was spared its signatures by another ticket.
  let verified: ContinuousClock.Instant

  /// Takes over a ticket.
  init(owning pointer: OpaquePointer, verified: ContinuousClock.Instant) {
    unsafe self.pointer = pointer
    self.verified = verified
  }

  deinit { unsafe talaria_ticket_free(pointer) }

  /// Whether it is used once only, so that nobody on the way can tell that two connections belong together.
  var isForOnce: Bool { unsafe talaria_ticket_is_for_once(pointer) != 0 }
}

/// The tickets of one context, by peer: so many peers, those forgotten first that were met least lately.
///
/// A ticket stands for a handshake that verified what its context asks for, and does so for an hour. Contexts
/// that ask for anything else have tickets of their own.
struct TLSTickets {
  /// What bounds them.
  enum Limits {
    static let peers = 256
    static let ticketsOfPeer = 2
    /// How long a verification counts: a certificate that was looked at does not stay valid.
    static let lifetime = Duration.seconds(3600)
  }

  private struct Entry {
    var tickets: [TLSTicket] = []
    var met: UInt64
  }

  private var entries: [TLSPeer: Entry] = [:]
  private var meetings: UInt64 = 0
  /// The time.
  var now: () -> ContinuousClock.Instant = { .now }

  /// How many peers have given one.
  var count: Int { entries.count }

  /// One for a handshake with that peer.
  mutating func take(for peer: TLSPeer) -> TLSTicket? {
    forgetOld()
    guard var entry = entries[peer], let ticket = entry.tickets.last else { return nil }
    if ticket.isForOnce { entry.tickets.removeLast() }
    entries[peer] = entry.tickets.isEmpty ? nil : entry
    return ticket
  }

  /// The peer gave one.
  mutating func keep(_ ticket: TLSTicket, of peer: TLSPeer) {
    forgetOld()
    meetings += 1
    if entries[peer] == nil, entries.count >= Limits.peers,
      let oldest = entries.min(by: { $0.value.met < $1.value.met })
    {
      entries[oldest.key] = nil
    }
    var entry = entries[peer] ?? Entry(met: meetings)
    entry.met = meetings
    // One that can be used again is all that is needed.
    if !ticket.isForOnce || entry.tickets.last?.isForOnce == false { entry.tickets = [] }
    if entry.tickets.count == Limits.ticketsOfPeer { entry.tickets.removeFirst() }
    entry.tickets.append(ticket)
    entries[peer] = entry
  }

  /// Its secrets go with a ticket.
  private mutating func forgetOld() {
    let now = now()
    for (peer, entry) in entries
    where entry.tickets.contains(where: { now - $0.verified >= Limits.lifetime }) {
      let rest = entry.tickets.filter { now - $0.verified < Limits.lifetime }
      entries[peer]?.tickets = rest
      if rest.isEmpty { entries[peer] = nil }
    }
  }

  /// A handshake with the peer failed: the next one is whole.
  mutating func forget(_ peer: TLSPeer) { entries[peer] = nil }
}
