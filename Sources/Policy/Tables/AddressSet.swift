// SPDX-License-Identifier: ISC

internal import Mail

/// A table of mail addresses: `user`, `@domain`, `user@domain`, or `@` for everything.
///
/// An entry's domain may hold `*`. The compared address loses its sub-address unless the entry has
/// one. ASCII case does not count.
struct AddressSet: Sendable {
  private struct Pattern: Sendable {
    /// Nil is every user.
    var local: String?
    var domain: [UInt8]
  }

  private let delimiter: UInt8
  private var hasEverything = false
  private var locals: Set<String> = []
  private var domains: Set<String> = []
  private var addresses: Set<Address> = []
  private var patterns: [Pattern] = []

  init(_ entries: some Sequence<String>, subaddressDelimiter: UInt8) {
    delimiter = subaddressDelimiter
    for entry in entries { insert(entry.asciiLowercased) }
  }

  private mutating func insert(_ entry: String) {
    guard let at = entry.utf8.lastIndex(of: UInt8(ascii: "@")) else {
      locals.insert(entry)
      return
    }
    let local = String(entry[..<at])
    let domain = String(entry[entry.utf8.index(after: at)...])
    switch (local.isEmpty, domain.isEmpty) {
    case (true, true): hasEverything = true
    case (false, true): locals.insert(local)
    case (let isForAll, false):
      if domain.utf8.contains(UInt8(ascii: "*")) {
        patterns.append(Pattern(local: isForAll ? nil : local, domain: Array(domain.utf8)))
      } else if isForAll {
        domains.insert(domain)
      } else {
        addresses.insert(Address(local: local, domain: domain))
      }
    }
  }

  /// Entries that are found by a look for each, without a comparison.
  struct Plain {
    let locals: Set<String>
    let domains: Set<String>
    let addresses: Set<Address>

    var count: Int { locals.count + domains.count + addresses.count }
  }

  /// All that there is; nil when there are others.
  var plain: Plain? {
    guard !hasEverything, patterns.isEmpty else { return nil }
    return Plain(locals: locals, domains: domains, addresses: addresses)
  }

  /// The null sender is an address without local part and domain.
  func contains(_ address: Address) -> Bool {
    if hasEverything { return true }
    let local = address.local.asciiLowercased
    let domain = address.domain.asciiLowercased
    if domains.contains(domain) || contains(local: local, domain: domain) { return true }
    guard let (user, _) = Subaddress.split(local, at: delimiter) else { return false }
    return contains(local: user, domain: domain)
  }

  private func contains(local: String, domain: String) -> Bool {
    locals.contains(local)
      || addresses.contains(Address(local: local, domain: domain))
      || patterns.contains { ($0.local == nil || $0.local == local) && matches($0, domain) }
  }

  private func matches(_ pattern: Pattern, _ domain: String) -> Bool {
    DomainPattern.matches(domain.utf8, pattern: pattern.domain)
  }
}

/// The sub-address of a local part: what stands behind the first delimiter.
enum Subaddress {
  /// Nil when there is no delimiter, or nothing before it.
  static func split(_ local: String, at delimiter: UInt8) -> (user: String, tag: String)? {
    guard let cut = local.utf8.firstIndex(of: delimiter), cut > local.startIndex else {
      return nil
    }
    return (String(local[..<cut]), String(local[local.utf8.index(after: cut)...]))
  }
}
