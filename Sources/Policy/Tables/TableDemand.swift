// SPDX-License-Identifier: ISC

internal import Configuration
internal import Mail

/// What a table has to be, and what its entries, for all that the configuration asks of it: what the first
/// reading of the configuration wants of a table, each later reading of its file has to give.
struct TableDemand: Sendable {
  /// How an action uses a table of hosts to relay to.
  private struct Hosts: Hashable, Sendable {
    var place: Place
    /// Whether the action has passwords for labels.
    var hasCredentials: Bool

    /// Where its entries have the URLs.
    enum Place: Hashable, Sendable {
      /// Keys of a list, which is not empty.
      case keys
      /// Values by domains.
      case values
    }
  }

  private var isList = false
  private var isMap = false
  private var hosts: Set<Hosts> = []
  /// Keys are local addresses.
  private var areKeysAddresses = false
  /// What values are for, where nothing comes of some.
  private var values: Set<TableService> = []
  /// Keys are addresses of this host, and values its names.
  private var namesAddresses = false

  /// The demands of a configuration, by table.
  static func all(of projection: LookupProjection) -> [TableIndex: TableDemand] {
    var all: [TableIndex: TableDemand] = [:]
    func demand(_ table: TableIndex?, _ change: (inout TableDemand) -> Void) {
      if let table { change(&all[table, default: TableDemand()]) }
    }
    for rule in projection.rules {
      for test in rule.tests { demand(test.table) { $0.isList = true } }
    }
    for action in projection.actions {
      for table in [action.aliases?.table, action.userBase, action.credentials] {
        demand(table) { $0.isMap = true }
      }
      demand(action.aliases?.table) { $0.values.insert(.alias) }
      demand(action.userBase) { $0.values.insert(.userInformation) }
      let relay = action.relayTables
      let hasCredentials = action.credentials != nil
      demand(relay.hosts) {
        $0.isList = true
        $0.hosts.insert(Hosts(place: .keys, hasCredentials: hasCredentials))
      }
      demand(relay.domains) {
        $0.isMap = true
        $0.hosts.insert(Hosts(place: .values, hasCredentials: hasCredentials))
      }
      demand(relay.sources) { $0.areKeysAddresses = true }
      demand(relay.heloNames) { $0.namesAddresses = true }
    }
    for listener in projection.listeners {
      demand(listener.hostNames) { $0.namesAddresses = true }
      for table in [listener.authentication.credentials, listener.senders?.table] {
        demand(table) { $0.isMap = true }
      }
    }
    for (table, demand) in all where demand.namesAddresses { all[table]?.isMap = true }
    return all
  }

  /// Why a table that says this cannot serve. Of a map on a disk the values are not read: it may have any
  /// size, and only what is asked for is read.
  func refusal(of source: TableSource) -> (entry: String, use: Ruleset.RefusedEntry.Use)? {
    switch source {
    case .unavailable: return nil
    case .contents(.list(let keys)):
      if isMap, !keys.isEmpty { return ("", .needsValues) }
      return refusal(ofKeys: keys)
    case .contents(.map(let pairs)):
      if isList { return ("", .needsList) }
      return refusal(ofKeys: pairs.lazy.map(\.key)) ?? refusal(of: pairs)
    case .map(let file):
      if isMap, file.kind == .set, file.count > 0 { return ("", .needsValues) }
      if isList, file.kind != .set, file.count > 0 { return ("", .needsList) }
      guard areKeysAddresses || !hosts.isEmpty && isList else { return nil }
      return source.keys.flatMap { refusal(ofKeys: $0) }
    }
  }

  private func refusal(
    ofKeys keys: some Collection<String>
  ) -> (entry: String, use: Ruleset.RefusedEntry.Use)? {
    if areKeysAddresses, let key = keys.first(where: { !TableDemand.isAddress($0) }) {
      return (key, .address)
    }
    for use in hosts where use.place == .keys {
      if keys.isEmpty { return ("", .noHost) }
      if let found = refusal(ofHosts: keys.lazy.map { (key: $0, host: $0) }, use) { return found }
    }
    return nil
  }

  private func refusal(
    of pairs: [TableDeclaration.Pair]
  ) -> (entry: String, use: Ruleset.RefusedEntry.Use)? {
    if namesAddresses {
      for pair in pairs {
        if !TableDemand.isAddress(pair.key) { return (pair.key, .address) }
        if !HostName.isValid(pair.value) { return (pair.key, .hostName(pair.value)) }
      }
    }
    for service in values {
      for pair in pairs {
        guard let reason = TableValue.fault(of: pair.value, for: service) else { continue }
        return (pair.key, .value(reason))
      }
    }
    for use in hosts where use.place == .values {
      if let pair = pairs.first(where: { !HostName.isValid($0.key) }) {
        return (pair.key, .hostName(pair.key))
      }
      if let found = refusal(ofHosts: pairs.lazy.map { (key: $0.key, host: $0.value) }, use) {
        return found
      }
    }
    return nil
  }

  /// A label needs passwords, and passwords a label.
  private func refusal(
    ofHosts entries: some Collection<(key: String, host: String)>,
    _ use: Hosts
  ) -> (entry: String, use: Ruleset.RefusedEntry.Use)? {
    var hasLabel = false
    for (key, host) in entries {
      guard let url = try? RelayURL(parsing: host) else { return (key, .relay(host)) }
      guard url.label != nil else { continue }
      guard use.hasCredentials else { return (key, .label(host)) }
      hasLabel = true
    }
    return use.hasCredentials && !hasLabel && !entries.isEmpty ? ("", .noLabel) : nil
  }

  private static func isAddress(_ text: String) -> Bool {
    !text.contains("/") && NetworkBlock(parsing: text) != nil
  }
}
