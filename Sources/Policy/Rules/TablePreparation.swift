// SPDX-License-Identifier: ISC

internal import Configuration

/// Makes tables ready for what rules, actions and listeners ask of them: each entry is read once. It has
/// nothing that is large, so that it can work beside the ruleset.
struct TablePreparation: Sendable {
  private let names: [String]
  private let asked: [TableIndex: Set<Service>]
  private let demands: [TableIndex: TableDemand]
  private let subaddressDelimiter: UInt8

  init(_ projection: LookupProjection) {
    names = projection.tables.map(\.name)
    asked = TablePreparation.asked(of: projection)
    demands = TableDemand.all(of: projection)
    subaddressDelimiter = projection.subaddressDelimiter
  }

  /// The services that each table is asked for.
  private static func asked(of projection: LookupProjection) -> [TableIndex: Set<Service>] {
    var asked: [TableIndex: Set<Service>] = [:]
    for rule in projection.rules {
      for (test, service) in rule.questions { asked[test.table, default: []].insert(service) }
      if case .domain(let test) = rule.destination, test.comparison == .entries {
        asked[test.table, default: []].insert(.destination)
      }
    }
    for action in projection.actions {
      for table in [action.aliases?.table, action.userBase, action.credentials].compactMap({ $0 }) {
        asked[table, default: []].insert(.value)
      }
    }
    for listener in projection.listeners {
      for table in [listener.authentication.credentials, listener.senders?.table] {
        if let table { asked[table, default: []].insert(.value) }
      }
    }
    return asked
  }

  /// Those that are asked anything.
  var tables: Set<TableIndex> { Set(asked.keys).union(demands.keys) }

  /// Reads all entries, once for each use. What cannot be read is unavailable.
  ///
  /// - Throws: what makes the table one that cannot serve, or the first entry that is of no use, for anything
  ///   that asks it.
  func prepare(
    _ table: TableIndex,
    _ source: TableSource
  ) throws(Ruleset.RefusedEntry) -> ReadyTable {
    if let (entry, use) = demands[table]?.refusal(of: source) {
      throw refused(entry, of: table, use)
    }
    let services = asked[table] ?? []
    // The keys of a map are read from its file.
    let keys = services.isSubset(of: [.value]) ? nil : source.keys
    var parts = unavailable(table).parts
    if services.contains(.value) { parts[.value] = .map(TableMap(source)) }
    guard let keys else { return ReadyTable(table: table, parts: parts) }
    for service in services {
      switch service {
      case .value: break
      case .destination: parts[service] = .domains(DomainIndex.Entries(keys))
      case .network: parts[service] = .networks(try networks(keys, of: table))
      case .pattern: parts[service] = .matcher(.patterns(try patterns(keys, of: table)))
      case .string, .domain, .address, .user:
        parts[service] = .matcher(
          Matcher(keys, for: service, subaddressDelimiter: subaddressDelimiter)
        )
      }
    }
    return ReadyTable(table: table, parts: parts)
  }

  /// A table that cannot be asked.
  func unavailable(_ table: TableIndex) -> ReadyTable {
    var parts: [Service: ReadyTable.Part] = [:]
    for service in asked[table] ?? [] {
      parts[service] =
        switch service {
        case .value: .map(.unavailable)
        case .destination: .domains(nil)
        case .network: .networks(nil)
        case .pattern, .string, .domain, .address, .user: .matcher(.unavailable)
        }
    }
    return ReadyTable(table: table, parts: parts)
  }

  private func networks(
    _ keys: [String],
    of table: TableIndex
  ) throws(Ruleset.RefusedEntry) -> NetworkIndex.Entries {
    var entries = NetworkIndex.Entries()
    for key in keys {
      guard entries.add(key) else { throw refused(key, of: table, .network) }
    }
    return entries
  }

  private func patterns(
    _ keys: [String],
    of table: TableIndex
  ) throws(Ruleset.RefusedEntry) -> [Pattern] {
    var patterns: [Pattern] = []
    for key in keys {
      guard let pattern = try? Pattern(parsing: key, .ignored) else {
        throw refused(key, of: table, .pattern)
      }
      patterns.append(pattern)
    }
    return patterns
  }

  private func refused(
    _ entry: String,
    of table: TableIndex,
    _ use: Ruleset.RefusedEntry.Use
  ) -> Ruleset.RefusedEntry {
    Ruleset.RefusedEntry(table: names[table.rawValue], entry: entry, use: use)
  }
}

/// What a table says, in the forms in which it is asked.
struct ReadyTable: Sendable {
  enum Part: Sendable {
    case map(TableMap)
    /// Nil: it cannot be asked.
    case domains(DomainIndex.Entries?)
    /// Nil: it cannot be asked.
    case networks(NetworkIndex.Entries?)
    case matcher(Matcher)
  }

  let table: TableIndex
  let parts: [Service: Part]
}
