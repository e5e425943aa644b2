// SPDX-License-Identifier: ISC

internal import Configuration
internal import Mail

/// What an alias table says about a name.
enum AliasAnswer {
  case found(key: String, value: String)
  case absent
}

extension Ruleset {
  /// The keys that a name is looked up by in a table of aliases, in their order.
  static func aliasKeys(of name: LocalName) -> [String] {
    name.subaddress == nil ? [name.user] : [name.whole, name.user]
  }

  /// The keys that an address is looked up by in a table of virtual users, in their order.
  static func virtualKeys(of name: LocalName, domain: String) -> [String] {
    let domain = domain.asciiLowercased
    let exact = aliasKeys(of: name)
    return exact.map { "\($0)@\(domain)" } + exact + ["@\(domain)", "@"]
  }

  /// The value of the first key that the table has.
  func firstValue(
    of keys: [String],
    in table: TableIndex
  ) throws(UnavailableTable) -> AliasAnswer {
    for key in keys {
      if let value = try value(of: key, in: table) { return .found(key: key, value: value) }
    }
    return .absent
  }
}

/// A local part in lower case, and what its parts are.
struct LocalName: Hashable, Sendable {
  let user: String
  /// What stands behind the delimiter.
  let subaddress: String?
  /// User, delimiter and sub-address.
  let whole: String

  init(_ local: String, delimiter: UInt8) {
    whole = local.asciiLowercased
    if let (user, tag) = Subaddress.split(whole, at: delimiter) {
      self.user = user
      subaddress = tag
    } else {
      user = whole
      subaddress = nil
    }
  }
}

/// What a table of users says about a name.
package enum UserbaseAnswer: Hashable, Sendable {
  case found(Account)
  case absent
  /// The action has no such table, or it cannot be asked, or says nonsense.
  case failed
}

extension Ruleset {
  /// The account of a user by the `userbase` of an action.
  package func account(of user: String, underAction name: String) -> UserbaseAnswer {
    guard let table = actions.first(where: { $0.name == name })?.userBase else { return .failed }
    do {
      guard let found = try value(of: user, in: table) else { return .absent }
      return Account(parsing: found).map { .found($0) } ?? .failed
    } catch {
      return .failed
    }
  }
}
