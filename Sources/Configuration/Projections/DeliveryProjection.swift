// SPDX-License-Identifier: ISC

package import Mail

/// What delivery is handed: where and how each action delivers, and what that may use.
package struct DeliveryProjection: Hashable, Sendable {
  package enum Method: Hashable, Sendable {
    /// The supervisor writes into the maildir; nil is `~/Maildir`.
    case maildir(path: Format?, junk: DeliveryAction.Local.Junk)
    /// The supervisor runs the command, which only it knows.
    case command
    /// The supervisor writes into the user's mailbox of the system.
    case mbox
    case lmtp(DeliveryAction.LMTP)
    /// Only commands and files that an expansion led to.
    case expansion
    case relay(DeliveryAction.Relay)
  }

  package struct Action: Hashable, Sendable {
    package var name: String
    package var method: Method

    package init(name: String, method: Method) {
      self.name = name
      self.method = method
    }
  }

  package var serverName: String
  package var actions: [Action]
  package var relayLimits: RelayLimits
  package var relayLimitsByDomain: [String: RelayLimits]
  package var localLimits: LocalLimits
  package var subaddressDelimiter: UInt8
  /// The addresses of this host's interfaces, and the unspecified ones that listeners have: an MX that
  /// points at one of them is a loop.
  package var localAddresses: [IPAddress]

  package init(_ configuration: ServerConfiguration) {
    serverName = configuration.serverName
    actions = configuration.actions.map { action in
      Action(name: action.name, method: Method(action.method))
    }
    relayLimits = configuration.relayLimits
    relayLimitsByDomain = configuration.relayLimitsByDomain
    localLimits = configuration.localLimits
    subaddressDelimiter = configuration.subaddressDelimiter
    let everywhere: [IPAddress] = configuration.listeners.compactMap { listener in
      guard case .address(let address) = listener.target, address.isUnspecified else { return nil }
      return address
    }
    localAddresses = configuration.facts.addresses + everywhere
  }

  /// The limits of a relay to `domain`, which is lower case.
  package func limits(for domain: String) -> RelayLimits {
    relayLimitsByDomain[domain] ?? relayLimits
  }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(serverName)
    writer.write(records: actions)
    writer.write(record: relayLimits)
    writer.write(limitsByDomain: relayLimitsByDomain)
    writer.write(record: localLimits)
    writer.write(subaddressDelimiter)
    writer.write(records: localAddresses)
    return writer.finish()
  }

  package init(decoding bytes: [UInt8]) throws(DecodingError) {
    var reader = ByteReader(bytes)
    serverName = try reader.readRecord()
    actions = try reader.readRecords()
    relayLimits = try reader.readRecord()
    relayLimitsByDomain = try reader.readLimitsByDomain()
    localLimits = try reader.readRecord()
    subaddressDelimiter = try reader.readByte()
    localAddresses = try reader.readRecords()
    try reader.expectEnd()
  }
}

extension DeliveryProjection.Method {
  fileprivate init(_ method: DeliveryAction.Method) {
    switch method {
    case .relay(let relay): self = .relay(relay)
    case .local(let local):
      switch local.agent {
      case .maildir(let path, let junk): self = .maildir(path: path, junk: junk)
      case .command: self = .command
      case .mbox: self = .mbox
      // The wrapper's input is one of a command; whoever speaks LMTP stands behind it.
      case .lmtp where local.wrapper != nil: self = .command
      case .lmtp(let lmtp): self = .lmtp(lmtp)
      case .forwardOnly, .expandOnly: self = .expansion
      }
    }
  }
}

extension DeliveryProjection.Action: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(name)
    switch method {
    case .maildir(let path, let junk):
      writer.write(UInt8(0))
      writer.write(optional: path?.text)
      writer.write(junk.rawValue)
    case .command:
      writer.write(UInt8(1))
    case .relay(let relay):
      writer.write(UInt8(2))
      writer.write(record: relay)
    case .mbox:
      writer.write(UInt8(3))
    case .lmtp(let lmtp):
      writer.write(UInt8(4))
      writer.write(record: lmtp)
    case .expansion:
      writer.write(UInt8(5))
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    name = try reader.readRecord()
    switch try reader.readByte() {
    case 0:
      let text: String? = try reader.readOptional()
      method = .maildir(path: try text.map(Self.path), junk: try reader.readEnumeration())
    case 1: method = .command
    case 2: method = .relay(try reader.readRecord())
    case 3: method = .mbox
    case 4: method = .lmtp(try reader.readRecord())
    case 5: method = .expansion
    default: throw .invalid(field: "method")
    }
  }

  private static func path(_ text: String) throws(DecodingError) -> Format {
    do {
      return try Format(parsing: text, for: .path)
    } catch {
      throw .invalid(field: "path")
    }
  }
}

extension DeliveryAction.LMTP: Record {
  func write(to writer: inout ByteWriter) {
    switch destination {
    case .socket(let path):
      writer.write(UInt8(0))
      writer.write(path)
    case .host(let host, let port):
      writer.write(UInt8(1))
      writer.write(record: host)
      writer.write(port)
    }
    writer.write(recipient.rawValue)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    let destination: Destination =
      switch try reader.readByte() {
      case 0: .socket(try reader.readRecord())
      case 1: .host(try reader.readRecord(), port: try reader.readInteger())
      default: throw .invalid(field: "destination")
      }
    self.init(destination: destination, recipient: try reader.readEnumeration())
  }
}
