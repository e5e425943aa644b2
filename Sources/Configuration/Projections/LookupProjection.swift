// SPDX-License-Identifier: ISC

package import Mail

/// What lookup is handed: tables, rules, and of the actions what a decision needs.
package struct LookupProjection: Hashable, Sendable {
  /// An action as far as a decision needs it.
  package struct Action: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
      case local = 0
      case relay = 1
    }

    package var name: String
    package var kind: Kind
    /// The account that delivers for everybody.
    package var user: String?
    /// How far recipients are expanded.
    package var expansion = Expansion.toUsers
    /// The table that recipients are looked up in first.
    package var aliases: DeliveryAction.Local.Aliases?
    /// Where users are looked up; nil is the accounts of the system.
    package var userBase: TableIndex?
    /// `auth` of a relay.
    package var credentials: TableIndex?
    /// The tables that a relay asks at each delivery.
    package var relayTables = DeliveryAction.RelayTables()

    package init(name: String, kind: Kind, user: String? = nil) {
      self.name = name
      self.kind = kind
      self.user = user
    }

    /// Where the expansion of a recipient may end.
    package enum Expansion: UInt8, Sendable {
      /// At a user, who is delivered to or has a `~/.forward`.
      case toUsers = 0
      /// `forward-only`: at a `~/.forward`.
      case toForwards = 1
      /// `expand-only`: at an alias.
      case toAliases = 2
    }
  }

  /// The tables that the sessions of a listener have asked.
  package struct Listener: Hashable, Sendable {
    /// `hostnames`.
    package var hostNames: TableIndex?
    /// Who may send, and which table knows the passwords.
    package var authentication: Configuration.Listener.Authentication
    /// `senders`.
    package var senders: Configuration.Listener.Senders?

    package init(_ options: Configuration.Listener.Options) {
      hostNames = options.hostNames
      authentication = options.authentication
      senders = options.senders
    }
  }

  package var serverName: String
  /// A `TableIndex` is a place in here. Files are read by whoever makes the ruleset.
  package var tables: [TableDeclaration]
  package var rules: [Rule]
  package var actions: [Action]
  /// In the order of `ServerConfiguration.listeners`.
  package var listeners: [Listener] = []
  package var subaddressDelimiter: UInt8
  package var localAddresses: [IPAddress]

  package init(
    serverName: String,
    tables: [TableDeclaration],
    rules: [Rule],
    actions: [Action],
    subaddressDelimiter: UInt8 = UInt8(ascii: "+"),
    localAddresses: [IPAddress] = []
  ) {
    self.serverName = serverName
    self.tables = tables
    self.rules = rules
    self.actions = actions
    self.subaddressDelimiter = subaddressDelimiter
    self.localAddresses = localAddresses
  }

  package init(_ configuration: ServerConfiguration) {
    self.init(
      serverName: configuration.serverName,
      tables: configuration.tables,
      rules: configuration.rules,
      actions: configuration.actions.map(Action.init),
      subaddressDelimiter: configuration.subaddressDelimiter,
      localAddresses: configuration.facts.addresses
    )
    listeners = configuration.listeners.map { Listener($0.options) }
  }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(serverName)
    writer.write(records: tables)
    writer.write(records: rules)
    writer.write(records: actions)
    writer.write(records: listeners)
    writer.write(subaddressDelimiter)
    writer.write(records: localAddresses)
    return writer.finish()
  }

  package init(decoding bytes: [UInt8]) throws(DecodingError) {
    var reader = ByteReader(bytes)
    serverName = try reader.readRecord()
    tables = try reader.readRecords()
    rules = try reader.readRecords()
    actions = try reader.readRecords()
    listeners = try reader.readRecords()
    subaddressDelimiter = try reader.readByte()
    localAddresses = try reader.readRecords()
    try reader.expectEnd()
    guard rules.allSatisfy({ $0.refersOnly(toTables: tables.count, actions: actions.count) })
    else { throw .invalid(field: "rule") }
    let named = actions.flatMap(\.tables) + listeners.flatMap(\.tables)
    guard named.allSatisfy({ $0.rawValue < tables.count }) else { throw .invalid(field: "table") }
  }
}

extension Rule {
  fileprivate func refersOnly(toTables tables: Int, actions: Int) -> Bool {
    if case .action(let index) = outcome, index >= actions { return false }
    return tests.allSatisfy { $0.table.rawValue < tables }
  }

  /// Every look into a table that the rule makes.
  package var tests: [Test] {
    var tests = [tag, helo, sender, recipient].compactMap { $0 }
    switch source {
    case .address(let test), .reverseName(let test): tests.append(test)
    case .any, .local, .socket, .named: break
    }
    if case .domain(let test) = destination { tests.append(test) }
    if case .user(let test) = authentication { tests.append(test) }
    return tests
  }
}
