// SPDX-License-Identifier: ISC

package import Mail

/// Which envelopes a request is about: the words of a query as the operator typed them.
///
/// They travel as words and are parsed where they are used, so that a frame carries no second form of
/// the query grammar. No words: every envelope.
package struct Selection: Hashable, Sendable {
  package let words: [String]

  package static let all = Selection(words: [])

  private init(words: [String]) { self.words = words }

  /// Returns nil when the words are more, or longer, than `ControlLimits` allows.
  package init?(_ words: [String]) {
    guard words.count <= ControlLimits.selectionWords,
      words.allSatisfy({ $0.utf8.count <= ControlLimits.selectionWord })
    else { return nil }
    self.words = words
  }

  package init(_ id: EnvelopeID) { words = [id.description] }

  package init(_ id: MessageID) { words = [id.description] }

  func encode(to writer: inout ByteWriter) {
    writer.writeVariable(UInt64(words.count))
    for word in words { writer.write(word) }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    let count = try reader.readCount(of: "selection", atMost: ControlLimits.selectionWords)
    var words: [String] = []
    for _ in 0..<count {
      words.append(
        try reader.readString(of: "selection word", atMost: ControlLimits.selectionWord)
      )
    }
    self.words = words
  }
}
