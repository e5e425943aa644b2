// SPDX-License-Identifier: ISC

package import Configuration
package import Mail

extension Ruleset {
  /// What a table says of a user.
  package enum PasswordAnswer: Hashable, Sendable {
    /// The hash of his password.
    case hash(String)
    case absent
    /// The table cannot be asked.
    case failed
  }

  /// What a table says of a label.
  package enum LoginAnswer: Equatable, Sendable {
    case found(user: String, Secret)
    case absent
    /// The table cannot be asked, or there is none.
    case failed
  }

  /// Whether somebody may do something.
  package enum Permission: Hashable, Sendable {
    case granted
    case denied
    /// The table cannot be asked.
    case unknown
  }

  /// The hash of a user's password, by a table of a listener's `auth`.
  package func password(of user: String, in table: TableIndex) -> PasswordAnswer {
    let key = user.asciiLowercased
    do {
      guard let value = try value(of: key, in: table),
        let hash = CredentialValue.hash(in: value, of: key)
      else { return .absent }
      return .hash(hash)
    } catch {
      return .failed
    }
  }

  /// The hash of anybody, to know what the hashes of a table are like.
  package func somePassword(in table: TableIndex) -> String? {
    for value in values(of: table) ?? [] {
      if let hash = CredentialValue.hash(in: value, of: ""), hash.first == "$" { return hash }
    }
    return nil
  }

  /// Who a relay's action is at the host with this label.
  package func login(for label: String, ofAction name: String) -> LoginAnswer {
    guard let table = actions.first(where: { $0.name == name })?.credentials else { return .failed }
    do {
      guard let value = try value(of: label.asciiLowercased, in: table),
        let login = CredentialValue.login(in: value)
      else { return .absent }
      return .found(user: login.user, Secret(login.password))
    } catch {
      return .failed
    }
  }

  /// Whether a user may send from an address, nil being the null one, by a table of `senders`.
  package func permission(
    of user: String,
    toSendFrom sender: Address?,
    by table: TableIndex
  ) -> Permission {
    do {
      guard let value = try value(of: user.asciiLowercased, in: table) else { return .denied }
      let entries = value.split(separator: ",").map { entry in
        String(
          entry.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }
            .reversed()
        )
      }
      let allowed = AddressSet(
        entries.filter { !$0.isEmpty },
        subaddressDelimiter: subaddressDelimiter
      )
      return allowed.contains(sender ?? Address(local: "", domain: "")) ? .granted : .denied
    } catch {
      return .unknown
    }
  }
}
