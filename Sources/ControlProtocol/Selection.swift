// SPDX-License-Identifier: ISC

package import Mail
package import Queue

/// Which envelopes a request is about: the words of a query as the operator typed them.
///
/// They travel as words and are parsed where they are used, so that a frame carries no second form of
/// the query grammar. Every envelope is the word `all`, and never an absence of words.
package struct Selection: Hashable, Sendable {
  package let words: [String]

  package static let all = Selection(words: ["all"])

  private init(words: [String]) { self.words = words }

  /// Returns nil without words, or when they are more or longer than `ControlLimits` allows.
  package init?(_ words: [String]) {
    guard !words.isEmpty, words.count <= ControlLimits.selectionWords,
      words.allSatisfy({ $0.utf8.count <= ControlLimits.selectionWord }),
      words.reduce(0, { $0 + $1.utf8.count }) <= ControlLimits.selectionBytes
    else { return nil }
    self.words = words
  }

  package init(_ id: EnvelopeID) { words = [id.description] }

  package init(_ id: MessageID) { words = [id.description] }

  /// What the words mean.
  package func query() throws(QueryError) -> Query {
    try Query(parsing: words)
  }

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
    guard let selection = Selection(words) else { throw .invalid(field: "selection") }
    self = selection
  }
}
