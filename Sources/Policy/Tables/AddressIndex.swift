// SPDX-License-Identifier: ISC

internal import Configuration
internal import Mail

/// Which tables of mail addresses have an address: asked once for all rules.
///
/// A table that holds patterns or everything, or has many entries, is not in it, and rules that name it are
/// looked at one by one.
struct AddressIndex: Sendable {
  /// What bounds it: it is made anew when any table says something else.
  enum Limits {
    /// Entries of a table.
    static let entries = 1024
  }

  private let delimiter: UInt8
  private var locals: [String: [Int]] = [:]
  private var domains: [String: [Int]] = [:]
  private var addresses: [Address: [Int]] = [:]
  private var indexed: Set<Int> = []

  /// - Parameter set: what a table says; nil when it cannot be asked.
  init(_ rules: [Rule], subaddressDelimiter: UInt8, set: (TableIndex) -> AddressSet?) {
    delimiter = subaddressDelimiter
    for rule in rules {
      for test in [rule.sender, rule.recipient] {
        guard let test, test.comparison == .entries, test.sense == .holds,
          !indexed.contains(test.table.rawValue), let plain = set(test.table)?.plain,
          plain.count <= Limits.entries
        else { continue }
        add(plain, of: test.table.rawValue)
      }
    }
  }

  private mutating func add(_ entries: AddressSet.Plain, of table: Int) {
    indexed.insert(table)
    for local in entries.locals { locals[local, default: []].append(table) }
    for domain in entries.domains { domains[domain, default: []].append(table) }
    for address in entries.addresses { addresses[address, default: []].append(table) }
  }

  /// Whether all that a table says is found here.
  func has(_ table: TableIndex) -> Bool { indexed.contains(table.rawValue) }

  /// The tables that have an address, each once; the null sender is one without local part and domain.
  func tables(with address: Address?) -> [Int] {
    guard !indexed.isEmpty else { return [] }
    let local = address?.local.asciiLowercased ?? ""
    let domain = address?.domain.asciiLowercased ?? ""
    var found = domains[domain] ?? []
    func add(_ local: String) {
      for owners in [locals[local], addresses[Address(local: local, domain: domain)]] {
        for table in owners ?? [] where !found.contains(table) { found.append(table) }
      }
    }
    add(local)
    if let (user, _) = Subaddress.split(local, at: delimiter) { add(user) }
    return found
  }
}
