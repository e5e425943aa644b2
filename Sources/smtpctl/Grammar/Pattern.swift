// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// One word of a command as the grammar knows it.
enum Pattern: Equatable {
  /// A fixed word, of which a beginning is enough when no other begins so.
  case keyword(String)
  case envelopeID
  case messageID
  /// An identifier of either kind.
  case item
  /// Any one word that is not empty.
  case text(String)
  /// All the words that are left, at least one: a query, an identifier, or `all`.
  case selection
  /// All the words that are left, perhaps none.
  case optionalSelection
  /// All the words that are left, which the command reads itself.
  case words(String)

  /// How it stands in help and in lists of possible continuations.
  var help: String {
    switch self {
    case .keyword(let word): word
    case .envelopeID: "<evpid>"
    case .messageID: "<msgid>"
    case .item: "<evpid>|<msgid>"
    case .text(let name): "<\(name)>"
    case .selection: "<evpid>|<msgid>|all|<query>"
    case .optionalSelection: "[<msgid>|<query>]"
    case .words(let help): help
    }
  }

  var takesTheRest: Bool {
    switch self {
    case .selection, .optionalSelection, .words: true
    default: false
    }
  }
}

/// What stands in a command line where its pattern has a parameter.
enum Parameter: Equatable {
  case envelope(EnvelopeID)
  case message(MessageID)
  case text(String)
  case selection(Selection)
  case words([String])
}
