// SPDX-License-Identifier: ISC

package import Mail

/// Which envelopes a request is about: the one filter of every verb. The grammar is in
/// `schema/query.md`.
package struct Query: Equatable, Sendable {
  let root: Node

  /// Every envelope.
  package static let all = Query(root: .test(.everything))

  package init(_ id: EnvelopeID) { root = .test(.envelope(id)) }

  package init(_ id: MessageID) { root = .test(.message(id)) }

  init(root: Node) { self.root = root }

  /// What bounds a query.
  package struct Limits: Sendable {
    package var words = 4096
    /// Bytes of one word.
    package var word = 1024
    /// Parentheses and negations inside each other.
    package var depth = 32

    package init() {}
  }

  indirect enum Node: Equatable, Sendable {
    case test(Test)
    case not(Node)
    /// At least two.
    case and([Node])
    /// At least two.
    case or([Node])
  }

  enum Test: Equatable, Sendable {
    case everything
    case envelope(EnvelopeID)
    case message(MessageID)
    case sender(AddressTest)
    /// The recipient as the client named it, or as it was expanded.
    case recipient(AddressTest)
    /// The domain that it goes to.
    case domain(TextTest)
    case action(TextTest)
    case error(TextTest)
    case tag(TextTest)
    case user(TextTest)
    case state(RuntimeState)
    case kind(KindWord)
    /// Seconds since it was created.
    case age(Comparison, Int64)
    case retry(Comparison, Int64)
    /// Bytes of the message.
    case size(Comparison, Int64)
  }

  enum KindWord: String, CaseIterable, Sendable {
    case mda
    case mta
    case bounce
  }

  enum Comparison: String, Equatable, Sendable {
    case equal = "="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="

    func holds(_ left: Int64, _ right: Int64) -> Bool {
      switch self {
      case .equal: left == right
      case .less: left < right
      case .lessOrEqual: left <= right
      case .greater: left > right
      case .greaterOrEqual: left >= right
      }
    }
  }
}
