// SPDX-License-Identifier: ISC

/// What is wrong with the words of a query, and where.
package struct QueryError: Error, Equatable, Sendable {
  package enum Problem: Equatable, Sendable {
    case empty
    case unknownWord
    case unknownField
    /// The field cannot be compared like that.
    case operatorNotAllowed
    case badValue
    case missingOperand
    case unexpectedParenthesis
    case unclosedParenthesis
    case tooManyWords
    case tooLong
    case tooDeep
  }

  package let problem: Problem
  /// The index of the word; the number of words at their end.
  package let word: Int
  /// The position in that word, in bytes.
  package let offset: Int
  /// What was found there; empty at the end.
  package let found: String
  /// What would have been right.
  package let expected: String
}

extension QueryError: CustomStringConvertible {
  package var description: String {
    let place = found.isEmpty ? "at the end of the query" : "word \(word + 1), \"\(found)\""
    return "\(place): \(explanation); expected \(expected)"
  }

  private var explanation: String {
    switch problem {
    case .empty: "there is no query"
    case .unknownWord: "not an identifier and not a test"
    case .unknownField: "no such field"
    case .operatorNotAllowed: "this field cannot be compared like that"
    case .badValue: "not a value of this field"
    case .missingOperand: "something is missing"
    case .unexpectedParenthesis: "a parenthesis that closes nothing"
    case .unclosedParenthesis: "a parenthesis is still open"
    case .tooManyWords: "too many words"
    case .tooLong: "too long"
    case .tooDeep: "too deeply nested"
    }
  }

  /// The words in one line, and below it a caret under the place.
  package func pointing(at words: [String]) -> String {
    let before = words.prefix(word).reduce(0) { $0 + $1.count + 1 }
    let inside = word < words.count ? min(offset, words[word].count) : 0
    let caret = String(repeating: " ", count: before + inside) + "^"
    return words.joined(separator: " ") + "\n" + caret
  }
}
