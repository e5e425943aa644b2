// SPDX-License-Identifier: ISC

/// What a regular expression says of a place between two bytes.
enum PatternAssertion: Sendable {
  case textStart, textEnd
  /// `\b`: a word begins or ends here; `\B`: neither.
  case wordEdge, noWordEdge
  /// `\<` and `\>`.
  case wordStart, wordEnd

  /// Whether it is so between these, of which one is nil at an end of the text.
  func holds(between before: UInt8?, and after: UInt8?) -> Bool {
    let endsWord = before.map(ByteClass.isWord) ?? false
    let beginsWord = after.map(ByteClass.isWord) ?? false
    return switch self {
    case .textStart: before == nil
    case .textEnd: after == nil
    case .wordEdge: endsWord != beginsWord
    case .noWordEdge: endsWord == beginsWord
    case .wordStart: !endsWord && beginsWord
    case .wordEnd: endsWord && !beginsWord
    }
  }
}
