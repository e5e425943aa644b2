// SPDX-License-Identifier: ISC

/// What all envelopes of one message share: its sender and the facts of the session that brought it.
///
/// Stored once, however many recipients there are.
package struct Message: Hashable, Sendable {
  package var id: MessageID
  /// Nil is the null reverse path.
  package var sender: Address?
  /// When the message was accepted.
  package var created: Instant
  /// The stored body's length in bytes, header section included.
  package var size: Int
  package var session: SessionFacts
  package var content = ContentFlags()
  /// RET of RFC 3461.
  package var returnContent: ReturnContent?
  /// ENVID of RFC 3461, decoded from xtext.
  package var envelopeIdentifier: String?
  /// MT-PRIORITY (RFC 6710): -9 to 9.
  package var priority: Int8 = 0
  /// Encoded fields that this version does not know; kept as they came.
  package var unknownFields: [UInt8] = []

  package init(
    id: MessageID,
    sender: Address?,
    created: Instant,
    size: Int,
    session: SessionFacts
  ) {
    self.id = id
    self.sender = sender
    self.created = created
    self.size = size
    self.session = session
  }
}

/// What the content of a message needs from the next host.
package struct ContentFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// BODY=8BITMIME (RFC 6152).
  package static let eightBit = ContentFlags(rawValue: 1)
  /// SMTPUTF8 (RFC 6531).
  package static let internationalized = ContentFlags(rawValue: 2)
  /// REQUIRETLS (RFC 8689).
  package static let requireTLS = ContentFlags(rawValue: 4)
}

/// The session that a message came by.
package struct SessionFacts: Hashable, Sendable {
  package var id: SessionID
  package var source: SourceAddress
  /// The name that we gave ourselves in that session.
  package var serverName: String
  /// The name of the client's HELO or EHLO.
  package var helo: String
  /// The client's reverse name; `<unknown>` when it has none.
  package var hostname: String
  /// The authenticated user; nil when the session was not authenticated, empty when nobody has told who it was.
  package var user: String?
  /// The listener's tag; empty when it has none.
  package var tag: String
  package var transport = Transport.clear

  /// Whether it is known who the client is: of programs of this host the kernel has told.
  package var isAuthenticated: Bool { user != nil || source == .local }

  /// How the bytes came.
  package enum Transport: UInt8, Sendable {
    case clear = 0
    case tls = 1
  }

  package init(
    id: SessionID,
    source: SourceAddress,
    serverName: String,
    helo: String,
    hostname: String,
    user: String? = nil,
    tag: String = ""
  ) {
    self.id = id
    self.source = source
    self.serverName = serverName
    self.helo = helo
    self.hostname = hostname
    self.user = user
    self.tag = tag
  }
}

/// Where a message came from.
package enum SourceAddress: Hashable, Sendable {
  /// A program of this host, by the submission socket.
  case local
  /// Four bytes, network order.
  case inet4(UInt32)
  /// Two halves, network order.
  case inet6(UInt64, UInt64)

  /// What counts as one client: of IPv6 the /64, within which whoever has one address has them all.
  package var network: SourceAddress {
    if case .inet6(let high, _) = self { .inet6(high, 0) } else { self }
  }
}
