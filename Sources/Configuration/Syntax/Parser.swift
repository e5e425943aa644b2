// SPDX-License-Identifier: ISC

/// Reads the statements of the configuration and of the files that it includes.
///
/// A statement that is wrong is reported and left out, and reading goes on with the next one, so
/// that one run shows every mistake. Directives are one file each, as extensions of this type.
struct Parser {
  /// What bounds the reading.
  enum Limits {
    /// Files that include each other.
    static let includes = 16
    /// Diagnostics; what comes behind them is seldom news.
    static let diagnostics = 200
    /// Bytes of all files together.
    static let bytes = 64 << 20
  }

  let open: (String) throws(UnreadableFile) -> [UInt8]
  /// Nil leaves names to listen on as they are.
  var resolve: ConfigurationReport.Resolve?
  /// Nil takes TLS settings and certificates as they are.
  var judge: TLSJudge?
  /// Nil takes the files of tables as they are.
  var tableJudge: TableJudge?
  /// Nil takes the values of tables as they are.
  var valueJudge: ValueJudge?
  var draft: ServerConfiguration
  var tableIndexes: [String: TableIndex] = [:]
  var actionIndexes: [String: Int] = [:]
  /// What each table file turned out to be; nil in it is a file that could not be read.
  var fileContents: [TableIndex: TableContents?] = [:]
  /// Where the files of tables are named.
  var tablePlaces: [TableIndex: SourcePosition] = [:]
  /// The tables whose files could not be read, which was said.
  var unreadTables: Set<TableIndex> = []
  /// Where the entries of the tables of the configuration itself stand, by what they are in lower case.
  var entryPlaces: [TableIndex: [String: EntryPlace]] = [:]
  /// The lines of a table file's entries, once one of them was at fault.
  var entryLines: [TableIndex: [String: Int]] = [:]
  var judgedValues: Set<JudgedValues> = []
  var seenSettings: Set<String> = []
  /// Where it was said to listen on each address and port.
  var listenPlaces: [ListenPlace: SourcePosition] = [:]
  var hasMatch = false
  /// By what they are of; where nothing was stated there may be none.
  var taskMarks: [TaskMarks.Owner: TaskMarks] = [:]
  /// Names that are resolved when everything is read.
  var references = References()
  /// Macros whose definitions were wrong.
  var faultyMacros: Set<String> = []
  private(set) var features: [FeatureUse] = []
  private(set) var diagnostics: [Diagnostic] = []
  /// The line of each, behind those that led to its file.
  private var diagnosticLines: [[Int]] = []
  private(set) var files: [SourceFile] = []
  private var macros: Macros
  private var lexer = Lexer([], file: 0)
  private var lookahead: [Token] = []
  /// Braces opened in this statement and not closed.
  private var depth = 0
  /// The statement's end was read: whatever is wrong with it, the next token is another's.
  var hasEndedStatement = false
  /// Words that would have fitted where the next token stands.
  var passedOver: [String] = []
  private var includeDepth = 0
  private var bytesRead = 0

  init(
    facts: HostFacts,
    macros: [MacroDefinition],
    open: @escaping (String) throws(UnreadableFile) -> [UInt8]
  ) {
    self.open = open
    self.macros = Macros(commandLine: macros)
    draft = ServerConfiguration(facts: facts)
    declarePredefinedTables()
  }

  /// Reads the main file.
  mutating func parse(_ path: String) {
    guard let bytes = read(path, for: nil) else { return }
    parse(bytes, path, inclusion: [])
    resolveReferences()
    settleTaskMarks()
    for (name, position) in macros.unused {
      report(.unusedMacro(name), at: position, severity: .warning)
    }
    if !hasMatch {
      let lines = bytes.count { $0 == 0x0a } + (bytes.last == 0x0a ? 0 : 1)
      report(.noRules, at: SourcePosition(file: 0, line: max(lines, 1), column: 1, length: 1))
    }
  }

  /// Reads a file that a statement names.
  mutating func include(_ path: String, at position: SourcePosition) {
    guard includeDepth < Limits.includes else {
      return report(.includedTooDeep(limit: Limits.includes), at: position)
    }
    guard let bytes = read(path, for: position) else {
      // The rules may be in it.
      hasMatch = true
      return
    }
    let including = lexer
    includeDepth += 1
    parse(bytes, path, inclusion: files[position.file].inclusion + [position.line])
    includeDepth -= 1
    lexer = including
  }

  private mutating func read(_ path: String, for position: SourcePosition?) -> [UInt8]? {
    do throws(UnreadableFile) {
      let bytes = try open(path)
      bytesRead += bytes.count
      guard bytesRead <= Limits.bytes else { throw UnreadableFile(reason: "too large") }
      return bytes
    } catch {
      let complaint = Complaint.unreadableFile(path, reason: error.reason)
      if let position {
        report(complaint, at: position)
      } else {
        hasMatch = true
        diagnostics.append(Diagnostic(file: path, complaint))
        diagnosticLines.append([])
      }
      return nil
    }
  }

  private mutating func parse(_ bytes: [UInt8], _ path: String, inclusion: [Int]) {
    precondition(lookahead.isEmpty)
    files.append(SourceFile(path: path, bytes: bytes, inclusion: inclusion))
    lexer = Lexer(bytes, file: files.count - 1)
    while diagnostics.count < Limits.diagnostics {
      depth = 0
      hasEndedStatement = false
      do throws(SyntaxFault) {
        let token = try peek()
        if token.kind == .end { break }
        if token.kind == .newline {
          _ = try next()
        } else {
          try parseStatement()
        }
      } catch {
        if !isKnown(error) { report(error.complaint, at: error.position) }
        recover()
      }
    }
    lookahead = []
  }

  /// Whether it is of a macro whose definition was wrong, which was said.
  private func isKnown(_ fault: SyntaxFault) -> Bool {
    guard case .undefinedMacro(let name, _) = fault.complaint else { return false }
    return faultyMacros.contains(name)
  }

  /// Skips to the end of the statement: the line's, or behind its closing brace. A directive that
  /// begins a line ends it too, for then a brace was forgotten.
  private mutating func recover() {
    if hasEndedStatement { return }
    while true {
      guard let token = try? next() else { continue }
      guard token.isEndOfStatement else { continue }
      if token.kind == .end || depth <= 0 { return }
      if let following = try? peek(), following.position.column == 1,
        case .word(let word) = following.kind, Directive(rawValue: word) != nil
      {
        return
      }
    }
  }

  /// The token that comes next, which stays.
  mutating func peek(_ offset: Int = 0) throws(SyntaxFault) -> Token {
    while lookahead.count <= offset { lookahead.append(try lexer.next(&macros)) }
    return lookahead[offset]
  }

  /// The token that comes next, which is gone.
  @discardableResult
  mutating func next() throws(SyntaxFault) -> Token {
    let token = try peek()
    lookahead.removeFirst()
    passedOver = []
    if token.isSymbol("{") { depth += 1 }
    if token.isSymbol("}") { depth -= 1 }
    return token
  }

  mutating func define(macro name: String, as value: String, at position: SourcePosition) {
    macros.define(name, as: value, at: position)
  }

  mutating func report(
    _ complaint: Complaint,
    at position: SourcePosition,
    severity: Diagnostic.Severity = .error
  ) {
    diagnostics.append(diagnostic(complaint, at: position, severity: severity))
    diagnosticLines.append(files[position.file].inclusion + [position.line])
  }

  /// Reports an entry that stands in another statement than the one that uses it; once, if several do.
  mutating func report(
    entry complaint: Complaint,
    at place: SourcePosition,
    usedAt position: SourcePosition
  ) {
    let isKnown = diagnostics.contains { known in
      guard case .usedEntry(_, _, complaint) = known.complaint else { return false }
      return (known.path, known.line, known.column)
        == (files[place.file].path, place.line, place.column)
    }
    guard !isKnown else { return }
    let path = position.file == place.file ? nil : files[position.file].path
    report(.usedEntry(path: path, line: position.line, complaint), at: place)
  }

  /// Notes that the configuration uses a feature, by a directive if several use it; once a line is enough.
  mutating func use(_ feature: Feature, by directive: String? = nil, at position: SourcePosition) {
    let use = FeatureUse(
      feature: feature,
      diagnostic: diagnostic(.unsupported("\"\(directive ?? feature.rawValue)\""), at: position)
    )
    let isKnown = features.contains {
      $0.feature == feature && $0.diagnostic.complaint == use.diagnostic.complaint
        && $0.diagnostic.path == use.diagnostic.path && $0.diagnostic.line == position.line
    }
    if !isKnown, features.count < Limits.diagnostics { features.append(use) }
  }

  /// Errors and warnings by lines, those of a file where it is included.
  var orderedDiagnostics: [Diagnostic] {
    // Those of a line as they were found.
    zip(diagnosticLines, diagnostics).enumerated().sorted { one, other in
      let (first, second) = (one.element.0, other.element.0)
      return first == second ? one.offset < other.offset : first.lexicographicallyPrecedes(second)
    }.map(\.element.1)
  }

  private func diagnostic(
    _ complaint: Complaint,
    at position: SourcePosition,
    severity: Diagnostic.Severity = .error
  ) -> Diagnostic {
    let file = files[position.file]
    return Diagnostic(
      severity: severity,
      complaint: complaint,
      path: file.path,
      line: position.line,
      column: position.column,
      length: position.length,
      sourceLine: Array(file.line(position.line))
    )
  }
}

extension Diagnostic {
  /// About a whole file.
  fileprivate init(file path: String, _ complaint: Complaint) {
    self.init(
      severity: .error,
      complaint: complaint,
      path: path,
      line: 1,
      column: 1,
      length: 1,
      sourceLine: []
    )
  }
}
