// SPDX-License-Identifier: ISC

package import Mail

/// Why a recipient is refused; all of it is, whatever else it stands for.
enum ExpansionRefusal: Error, Hashable {
  /// Whether trying again may help.
  enum Duration: Hashable {
    case temporary
    case permanent
  }

  /// No rule, a rule that rejects, or no such user.
  case invalidRecipient
  /// A table or the user database could not be asked.
  case lookupFailed
  /// The expansion cannot be done, or has no result.
  case problem(Duration)
  /// An `error:` entry.
  case stated(code: UInt16, text: String)

  func reply(for address: Address) -> Reply {
    switch self {
    case .invalidRecipient: .invalidRecipient(address)
    case .lookupFailed: .temporaryFailure(address)
    case .problem(.permanent):
      Reply(
        524,
        EnhancedStatus(.permanent, 2, 4),
        "Mailing list expansion problem: <\(address)>"
      )
    case .problem(.temporary):
      Reply(
        424,
        EnhancedStatus(.temporary, 2, 4),
        "Mailing list expansion problem: <\(address)>"
      )
    case .stated(let code, let text): Reply(code, nil, "\(text): <\(address)>")
    }
  }
}

extension Reply {
  /// No rule, a rule that rejects, or no such user.
  package static func invalidRecipient(_ address: Address) -> Reply {
    Reply(550, nil, "Invalid recipient: <\(address)>")
  }

  /// A table or the user database could not be asked.
  package static func temporaryFailure(_ address: Address) -> Reply {
    Reply(451, nil, "Temporary failure: <\(address)>")
  }
}
