// SPDX-License-Identifier: ISC

package import Configuration
package import Mail

/// The tables that say where mail is relayed to, from which address, and which names this host goes by:
/// `host`, `domain`, `src` and `helo-src` of relays, `hostnames` of listeners.
package struct RelayDirectory: Sendable {
  /// What the tables of a relay say for one domain.
  package struct Facts: Hashable, Sendable {
    /// The URL of the host to relay to; nil when no table says.
    package var host: String?
    /// The local addresses to send from, of which each is used in turn.
    package var sources: [IPAddress] = []
    /// The name for HELO by local address.
    package var heloNames: [IPAddress: String] = [:]
  }

  /// Why there is no answer; each passes when the table is mended.
  package enum Refusal: Error, Hashable, Sendable {
    case unknownAction(String)
    /// A table cannot be read.
    case unavailable(table: String)
    /// A table has no entry for what is asked.
    case noEntry(table: String, key: String)
    /// More entries than are carried along with a delivery.
    case tooMany(table: String)
  }

  /// How much travels with one answer.
  package enum Limits {
    /// Local addresses of `src`.
    package static let sources = 256
    /// Names of `helo-src`.
    package static let names = 1024
  }

  private let tables: [TableDeclaration]
  private let relays: [String: DeliveryAction.RelayTables]
  private let hostNames: [TableIndex?]
  /// What is asked by key.
  private var maps: [TableIndex: TableMap] = [:]
  /// What is taken in turn, sorted; nil when it cannot be read.
  private var lists: [TableIndex: [String]?] = [:]
  private var turns: [TableIndex: Int] = [:]

  /// Tables of files cannot be read before `replace` tells what is in them.
  package init(_ projection: LookupProjection) {
    tables = projection.tables
    hostNames = projection.listeners.map(\.hostNames)
    relays = Dictionary(
      projection.actions.map { ($0.name, $0.relayTables) },
      uniquingKeysWith: { first, _ in first }
    )
    for relay in relays.values {
      for table in [relay.hosts, relay.sources].compactMap({ $0 }) { lists[table] = .some(nil) }
      for table in [relay.domains, relay.heloNames].compactMap({ $0 }) {
        maps[table] = .unavailable
      }
    }
    for table in hostNames.compactMap({ $0 }) { maps[table] = .unavailable }
    for table in Set(maps.keys).union(lists.keys) {
      if let source = TableSource(tables[table.rawValue].content) { replace(table, with: source) }
    }
  }

  /// Takes what a table says from now on.
  package mutating func replace(_ table: TableIndex, with source: TableSource) {
    if maps[table] != nil { maps[table] = TableMap(source) }
    if lists[table] != nil { lists[table] = .some(source.keys) }
  }

  /// Exchanges what all tables say with another of the same configuration. Whose turn it is stays.
  package mutating func exchangeTables(with other: inout RelayDirectory) {
    swap(&maps, &other.maps)
    swap(&lists, &other.lists)
  }

  // MARK: Listeners

  /// The name of a listener at one of its addresses; nil when its table has none, or what is none.
  package func hostName(
    ofListener index: Int,
    at address: IPAddress
  ) throws(Refusal) -> String? {
    guard hostNames.indices.contains(index), let table = hostNames[index] else { return nil }
    return try name(of: address, in: table)
  }

  // MARK: Relays

  /// What holds for the next delivery by an action to a domain, which is in lower case.
  package mutating func facts(
    ofRelay action: String,
    to domain: String
  ) throws(Refusal) -> Facts {
    guard let relay = relays[action] else { throw .unknownAction(action) }
    var facts = Facts()
    if let table = relay.domains {
      guard let host = try value(of: domain, in: table) else {
        throw .noEntry(table: name(of: table), key: domain)
      }
      facts.host = host
    } else if let table = relay.hosts {
      facts.host = try next(of: table)
    }
    if let table = relay.sources { facts.sources = try addresses(in: table) }
    if let table = relay.heloNames { facts.heloNames = try names(in: table, of: facts.sources) }
    return facts
  }

  /// The entry behind the last one that was taken, in the order of the keys.
  private mutating func next(of table: TableIndex) throws(Refusal) -> String {
    guard let entries = lists[table] ?? nil else { throw .unavailable(table: name(of: table)) }
    guard !entries.isEmpty else { throw .noEntry(table: name(of: table), key: "*") }
    let turn = (turns[table] ?? 0) % entries.count
    turns[table] = turn + 1
    return entries[turn]
  }

  private func addresses(in table: TableIndex) throws(Refusal) -> [IPAddress] {
    guard let entries = lists[table] ?? nil else { throw .unavailable(table: name(of: table)) }
    let addresses = Array(
      entries.lazy.compactMap { RelayDirectory.address($0) }.prefix(Limits.sources + 1)
    )
    guard !addresses.isEmpty else { throw .noEntry(table: name(of: table), key: "*") }
    guard addresses.count <= Limits.sources else { throw .tooMany(table: name(of: table)) }
    return addresses
  }

  /// Those of `sources`; without them every name, for nobody knows which address it will be.
  private func names(
    in table: TableIndex,
    of sources: [IPAddress]
  ) throws(Refusal) -> [IPAddress: String] {
    var names: [IPAddress: String] = [:]
    guard sources.isEmpty else {
      for source in sources { names[source] = try name(of: source, in: table) }
      return names
    }
    let map = maps[table] ?? .unavailable
    guard map.count <= Limits.names else { throw .tooMany(table: name(of: table)) }
    guard let pairs = map.pairs else { throw .unavailable(table: name(of: table)) }
    for pair in pairs {
      guard let address = RelayDirectory.address(pair.key), HostName.isValid(pair.value) else {
        continue
      }
      names[address] = pair.value
    }
    return names
  }

  // MARK: Tables

  private func name(of table: TableIndex) -> String { tables[table.rawValue].name }

  private func value(of key: String, in table: TableIndex) throws(Refusal) -> String? {
    do throws(TableMap.Unavailable) {
      return try (maps[table] ?? .unavailable).value(of: key)
    } catch {
      throw .unavailable(table: name(of: table))
    }
  }

  /// By the forms that a key may have.
  private func name(of address: IPAddress, in table: TableIndex) throws(Refusal) -> String? {
    for key in ["\(address)", "[\(address)]", "ipv6:\(address)", "[ipv6:\(address)]"] {
      guard let name = try value(of: key, in: table) else { continue }
      return HostName.isValid(name) ? name : nil
    }
    return nil
  }

  private static func address(_ entry: String) -> IPAddress? {
    entry.contains("/") ? nil : NetworkBlock(parsing: entry)?.address
  }
}

extension RelayDirectory.Refusal: CustomStringConvertible {
  /// For a delivery's status.
  package var description: String {
    switch self {
    case .unknownAction(let name): "Action \(name) is not in the configuration"
    case .unavailable(let table): "Table \(table) cannot be read"
    case .noEntry(let table, "*"): "Table \(table) has no entry"
    case .noEntry(let table, let key): "Table \(table) has no entry for \(key)"
    case .tooMany(let table): "Table \(table) has too many entries"
    }
  }
}
