// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue

/// Finds the command that the words of a command line mean, as OpenSMTPD does: from left to right, each
/// word a keyword, the beginning of exactly one, or a parameter. A whole keyword wins over those that
/// only begin with it.
struct CommandLineWords {
  enum Failure: Error, Equatable {
    /// No command has this word here; those that its forerunners begin are named.
    case unknown(word: String, expected: [String])
    /// Several commands go on from here: the word begins more than one, or more words are needed.
    case incomplete(continuations: [String])
    /// The words of a query are too many or too long.
    case selectionTooLong
    case query(QueryError, words: [String])
  }

  struct Match {
    let entry: CommandTable.Entry
    let parameters: [Parameter]
  }

  static func match(
    _ words: [String],
    in table: [CommandTable.Entry]
  ) throws(Failure) -> Match {
    var candidates = table
    var parameters: [Parameter] = []
    for (depth, word) in words.enumerated() {
      let here = candidates.filter { depth < $0.pattern.count }
      if let keyword = try keyword(word, of: here, at: depth) {
        candidates = here.filter { $0.pattern[depth] == .keyword(keyword) }
      } else if let entry = here.first(where: { $0.pattern[depth].takesTheRest }) {
        if case .words = entry.pattern[depth] {
          parameters.append(.words(Array(words[depth...])))
        } else {
          parameters.append(try selection(words[depth...]))
        }
        return Match(entry: entry, parameters: parameters)
      } else {
        let fitting = here.compactMap { entry in
          parameter(word, entry.pattern[depth]).map { (entry, $0) }
        }
        guard let first = fitting.first else { throw unknown(word, here, at: depth) }
        parameters.append(first.1)
        candidates = fitting.map(\.0)
      }
    }
    return try end(of: words.count, candidates, parameters)
  }

  private static func unknown(
    _ word: String,
    _ candidates: [CommandTable.Entry],
    at depth: Int
  ) -> Failure {
    .unknown(word: word, expected: depth == 0 ? [] : candidates.map(\.help))
  }

  /// The command whose words are all there, where the words end.
  private static func end(
    of depth: Int,
    _ candidates: [CommandTable.Entry],
    _ parameters: [Parameter]
  ) throws(Failure) -> Match {
    if let whole = candidates.first(where: { $0.pattern.count == depth }) {
      return Match(entry: whole, parameters: parameters)
    }
    if let entry = candidates.first(where: {
      $0.pattern.count == depth + 1 && $0.pattern[depth] == .optionalSelection
    }) {
      return Match(entry: entry, parameters: parameters + [.selection(.all)])
    }
    throw .incomplete(continuations: candidates.map(\.help))
  }

  /// The keyword that `word` means here; nil when it is the beginning of none.
  private static func keyword(
    _ word: String,
    of entries: [CommandTable.Entry],
    at depth: Int
  ) throws(Failure) -> String? {
    var begun: [String] = []
    for entry in entries {
      guard case .keyword(let keyword) = entry.pattern[depth], keyword.hasPrefix(word) else {
        continue
      }
      if keyword == word { return keyword }
      if !begun.contains(keyword) { begun.append(keyword) }
    }
    guard !word.isEmpty else { return nil }
    guard begun.count > 1 else { return begun.first }
    throw .incomplete(
      continuations: entries.filter { entry in
        begun.contains { entry.pattern[depth] == .keyword($0) }
      }.map(\.help)
    )
  }

  private static func parameter(_ word: String, _ pattern: Pattern) -> Parameter? {
    switch pattern {
    case .envelopeID: EnvelopeID(hexadecimal: word).map(Parameter.envelope)
    case .messageID: MessageID(hexadecimal: word).map(Parameter.message)
    case .item:
      EnvelopeID(hexadecimal: word).map(Parameter.envelope)
        ?? MessageID(hexadecimal: word).map(Parameter.message)
    case .text: word.isEmpty ? nil : .text(word)
    case .keyword, .selection, .optionalSelection, .words: nil
    }
  }

  private static func selection(_ words: ArraySlice<String>) throws(Failure) -> Parameter {
    // As a keyword, `all` may be shortened; no other query is one such word.
    let only = words.count == 1 ? words.first : nil
    if let only, !only.isEmpty, "all".hasPrefix(only) { return .selection(.all) }
    guard let selection = Selection(Array(words)) else { throw .selectionTooLong }
    do {
      _ = try selection.query()
    } catch {
      throw .query(error, words: selection.words)
    }
    return .selection(selection)
  }
}

extension CommandLineWords {
  fileprivate static func list(_ commands: [String]) -> String {
    (["possibilities are:"] + commands.map { "  " + $0 }).joined(separator: "\n")
  }
}

extension CommandLineWords.Failure {
  /// The text for the operator, without a newline at its end.
  var text: String {
    switch self {
    case .unknown(let word, let expected):
      "smtpctl: invalid command: \(word)"
        + (expected.isEmpty ? "" : "\n" + CommandLineWords.list(expected))
    case .incomplete(let continuations): CommandLineWords.list(continuations)
    case .selectionTooLong: "smtpctl: the query is too long"
    case .query(let error, let words): "\(error.pointing(at: words))\nsmtpctl: \(error)"
    }
  }
}
