// SPDX-License-Identifier: ISC

internal import Mail

extension LookupProjection.Action {
  init(_ action: DeliveryAction) {
    switch action.method {
    case .local(let local):
      self.init(name: action.name, kind: .local, user: local.user)
      aliases = local.aliases
      userBase = local.userBase
      switch local.agent {
      case .forwardOnly: expansion = .toForwards
      case .expandOnly: expansion = .toAliases
      case .maildir, .command, .mbox, .lmtp: expansion = .toUsers
      }
    case .relay(let relay):
      self.init(name: action.name, kind: .relay)
      credentials = relay.credentials
      relayTables = relay.tables
    }
  }

  /// Every table that the action has asked.
  var tables: [TableIndex] {
    [aliases?.table, userBase, credentials].compactMap { $0 } + relayTables.all
  }
}

extension LookupProjection.Action: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(name)
    writer.write(kind.rawValue)
    writer.write(optional: user)
    writer.write(expansion.rawValue)
    writer.write(optional: aliases)
    writer.write(optional: userBase)
    writer.write(optional: credentials)
    writer.write(record: relayTables)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(
      name: try reader.readRecord(),
      kind: try reader.readEnumeration(),
      user: try reader.readOptional()
    )
    expansion = try reader.readEnumeration()
    aliases = try reader.readOptional()
    userBase = try reader.readOptional()
    credentials = try reader.readOptional()
    relayTables = try reader.readRecord()
  }
}

extension LookupProjection.Listener: Record {
  /// Every table that the listener has asked.
  var tables: [TableIndex] {
    [hostNames, authentication.credentials, senders?.table].compactMap { $0 }
  }

  func write(to writer: inout ByteWriter) {
    writer.write(optional: hostNames)
    writer.write(record: authentication)
    writer.write(optional: senders)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    hostNames = try reader.readOptional()
    authentication = try reader.readRecord()
    senders = try reader.readOptional()
  }
}

extension DeliveryAction.Local.Aliases: Record {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .alias(let table):
      writer.write(UInt8(0))
      writer.write(record: table)
    case .virtual(let table):
      writer.write(UInt8(1))
      writer.write(record: table)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self =
      switch try reader.readByte() {
      case 0: .alias(try reader.readRecord())
      case 1: .virtual(try reader.readRecord())
      default: throw .invalid(field: "aliases")
      }
  }
}

extension DeliveryAction.RelayTables: Record {
  func write(to writer: inout ByteWriter) {
    for table in [hosts, domains, sources, heloNames] { writer.write(optional: table) }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init()
    hosts = try reader.readOptional()
    domains = try reader.readOptional()
    sources = try reader.readOptional()
    heloNames = try reader.readOptional()
  }
}
