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

    package init(name: String, kind: Kind, user: String? = nil) {
      self.name = name
      self.kind = kind
      self.user = user
    }
  }

  package var serverName: String
  /// A `TableIndex` is a place in here. Files are read by whoever makes the ruleset.
  package var tables: [TableDeclaration]
  package var rules: [Rule]
  package var actions: [Action]
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
      actions: configuration.actions.map { action in
        switch action.method {
        case .local(let local): Action(name: action.name, kind: .local, user: local.user)
        case .relay: Action(name: action.name, kind: .relay)
        }
      },
      subaddressDelimiter: configuration.subaddressDelimiter,
      localAddresses: configuration.facts.addresses
    )
  }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(serverName)
    writer.write(records: tables)
    writer.write(records: rules)
    writer.write(records: actions)
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
    subaddressDelimiter = try reader.readByte()
    localAddresses = try reader.readRecords()
    try reader.expectEnd()
    guard rules.allSatisfy({ $0.refersOnly(toTables: tables.count, actions: actions.count) })
    else { throw .invalid(field: "rule") }
  }
}

extension LookupProjection.Action: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(name)
    writer.write(kind.rawValue)
    writer.write(optional: user)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(
      name: try reader.readRecord(),
      kind: try reader.readEnumeration(),
      user: try reader.readOptional()
    )
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
