// SPDX-License-Identifier: ISC

internal import Configuration
internal import Mail

/// A table made ready for one service.
enum Matcher: Sendable {
  case strings(Set<String>)
  case domains(DomainSet)
  case addresses(AddressSet)
  /// Users: an address when the name holds `@`, else a string.
  case users(Set<String>, AddressSet)
  case patterns([Pattern])
  /// The table could not be read.
  case unavailable
}

/// What a criterion or an action asks a table.
enum Service: UInt8, CaseIterable, Hashable, Sendable {
  case string = 0
  case domain
  /// An address that clients have: asked of all tables at once.
  case network
  case address
  case user
  case pattern
  /// The value of an exact key.
  case value
  /// A domain that recipients have: asked of all tables at once.
  case destination
}

extension Matcher {
  /// For a service that every entry is good for.
  init(_ entries: [String], for service: Service, subaddressDelimiter: UInt8) {
    switch service {
    case .string:
      self = .strings(Set(entries.lazy.map(\.asciiLowercased)))
    case .domain:
      self = .domains(DomainSet(entries))
    case .address:
      self = .addresses(AddressSet(entries, subaddressDelimiter: subaddressDelimiter))
    case .user:
      self = .users(
        Set(entries.lazy.map(\.asciiLowercased)),
        AddressSet(entries, subaddressDelimiter: subaddressDelimiter)
      )
    case .pattern, .network, .value, .destination:
      preconditionFailure("what has no such matcher")
    }
  }

  /// Nil when the table cannot be asked.
  func contains(name: String) -> Bool? {
    switch self {
    case .strings(let strings): strings.contains(name.asciiLowercased)
    case .domains(let domains): domains.contains(name.asciiLowercased)
    case .users(let names, let addresses):
      if let at = name.utf8.lastIndex(of: UInt8(ascii: "@")) {
        addresses.contains(
          Address(local: String(name[..<at]), domain: String(name[name.utf8.index(after: at)...]))
        )
      } else {
        names.contains(name.asciiLowercased)
      }
    case .patterns(let patterns): patterns.contains { $0.matches(name) }
    case .addresses: preconditionFailure("a name looked up among addresses")
    case .unavailable: nil
    }
  }

  /// Nil when the table cannot be asked.
  func contains(address: Address) -> Bool? {
    switch self {
    case .addresses(let addresses): return addresses.contains(address)
    case .patterns(let patterns):
      let text = "\(address.local)@\(address.domain)"
      return patterns.contains { $0.matches(text) }
    case .unavailable: return nil
    case .strings, .domains, .users:
      preconditionFailure("an address looked up among names")
    }
  }
}
