// SPDX-License-Identifier: ISC

/// The words that a statement may begin with, and where each is read.
///
/// To add one: a case here, a line in `parse(_:)`, and a file of its own beside this one.
enum Directive: String, CaseIterable {
  case action, admd, auth, bounce, ca, filter, include, listen, match, mda, mta, pki, proc,
    queue, resolver, scheduler, smtp, srs, table
}

extension Parser {
  mutating func parseStatement() throws(SyntaxFault) {
    let first = try peek()
    guard case .word(let word) = first.kind else {
      throw unexpected(first, ["a directive"])
    }
    if try peek(1).isSymbol("=") {
      guard !ReservedWord.all.contains(word) else {
        throw SyntaxFault(complaint: .reservedMacro(word), position: first.position)
      }
      return try parseMacro()
    }
    let following = try peek(1)
    guard following.kind != .arrow else { throw unexpected(following, ["\"=\""]) }
    guard let directive = Directive(rawValue: word) else {
      let nearest = Spelling.nearest(to: word, in: Directive.allCases.map(\.rawValue))
      if nearest == Directive.match.rawValue { hasMatch = true }
      throw SyntaxFault(
        complaint: .unexpected(
          found: first.description,
          expected: ["a directive", "name = \"value\""],
          nearest: nearest
        ),
        position: first.position
      )
    }
    try next()
    try parse(directive, at: first.position)
  }

  private mutating func parse(
    _ directive: Directive,
    at position: SourcePosition
  ) throws(SyntaxFault) {
    switch directive {
    case .action: try parseAction()
    case .auth: try parseAuthentication()
    case .bounce: try parseBounce()
    case .include: try parseInclude()
    case .listen: try parseListen()
    case .match: try parseMatch(line: position.line)
    case .mda: try parseLocalDelivery()
    case .mta: try parseRelaying()
    case .queue: try parseQueue()
    case .resolver: try parseResolver()
    case .scheduler: try parseScheduler()
    case .smtp: try parseReception()
    case .table: try parseTable()
    case .admd: try parseAdministrativeDomain()
    case .ca: try parseAuthority(at: position)
    case .filter: try parseFilter(at: position)
    case .pki: try parsePKI(at: position)
    case .proc: try parseProcess(at: position)
    case .srs: try parseSRS(at: position)
    }
  }

  /// `name = value`.
  private mutating func parseMacro() throws(SyntaxFault) {
    let (name, position) = try string("a macro's name")
    guard name.utf8.allSatisfy(Lexer.isMacroName) else {
      throw SyntaxFault(
        complaint: .unexpected(
          found: "\"\(name)\"",
          expected: ["a macro's name: letters, digits and _"],
          nearest: nil
        ),
        position: position
      )
    }
    try expect(symbol: "=")
    do throws(SyntaxFault) {
      let value = try string("a macro's value").0
      try endOfStatement()
      define(macro: name, as: value, at: position)
    } catch {
      faultyMacros.insert(name)
      throw error
    }
  }

  /// `include "path"`.
  private mutating func parseInclude() throws(SyntaxFault) {
    let (path, position) = try name("a file's path")
    try endOfStatement()
    include(path, at: position)
  }

  /// Pairs of a word and a number, at least one.
  mutating func parseLimits(
    of directive: String,
    among known: [String],
    assign: (inout Parser, String, SourcePosition) throws(SyntaxFault) -> Void
  ) throws(SyntaxFault) {
    repeat {
      let (word, position) = try choice(of: directive, among: known)
      try assign(&self, word, position)
    } while try !peek().isEndOfStatement
    try endOfStatement()
  }
}
