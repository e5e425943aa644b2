// SPDX-License-Identifier: ISC

/// Looks in a command for a value from the network where a shell, or we, would look for the program's name:
/// whoever sends mail would then choose what runs.
///
/// It knows of shells what a command of a configuration has of them: quotes, lists, redirections,
/// substitutions, and the words behind which another command begins. What it does not know it takes for
/// an argument's beginning.
struct ProgramSearch {
  /// Words behind which a command begins, or which run what follows them.
  private static let prefixes: Set<Substring> = [
    "!", ".", "builtin", "command", "do", "elif", "else", "env", "eval", "exec", "if", "nice",
    "nohup", "setsid", "source", "then", "time", "until", "while", "{",
  ]
  /// Their options that have a value in the next word.
  private static let optionsWithValue: Set<String> = ["-C", "-a", "-f", "-n", "-o", "-u"]
  /// Programs that are given a command as the word behind `-c`.
  private static let shells: Set<Substring> = ["ash", "bash", "dash", "ksh", "sh", "zsh"]

  private enum Quoting {
    case none
    case single
    case double
  }

  private enum Place {
    /// The next word names a program.
    case program
    /// It is the operand of a redirection, behind which this goes on.
    indirect case operand(then: Place)
    /// A shell was named, and not yet `-c`.
    case shellOption
    /// What the shell is to run.
    case script
    case argument
  }

  /// What a substitution or a subshell stands in.
  private struct Frame {
    var quoting: Quoting
    var place: Place
    var word: String?
    var script: [ProgramSearch]
    /// What ends it.
    var end: Unicode.Scalar
    /// What it prints is a program's name, or a part of one.
    var isProgram: Bool
  }

  private var quoting = Quoting.none
  private var place = Place.program
  /// Nil between words.
  private var word: String?
  /// The word has something that no shell reads as its own.
  private var isQuoted = false
  private var isEscaped = false
  private var frames: [Frame] = []
  /// What was read of the command that a shell is given; one at most.
  private var script: [ProgramSearch] = []
  private var last: Unicode.Scalar?

  /// The first token that would name a program, or a part of one.
  static func value(in pieces: [Format.Piece]) -> Format.Token? {
    var search = ProgramSearch()
    for piece in pieces {
      switch piece {
      case .text(let text): for scalar in text.unicodeScalars { search.read(scalar) }
      case .home: search.append("~")
      case .value(let token, _, _):
        if token.isOfNetwork, search.isInProgram { return token }
        search.appendValue()
      }
    }
    return nil
  }

  private mutating func appendValue() {
    append("%")
    isQuoted = true
    last = nil
  }

  private var isInProgram: Bool {
    if frames.last?.isProgram ?? false { return true }
    switch place {
    case .program: return !isAssignment
    case .script: return script.first?.isInProgram ?? true
    // A shell reads its program from the file of that name.
    case .shellOption: return true
    case .operand, .argument: return false
    }
  }

  /// `NAME=value` before the program.
  private var isAssignment: Bool {
    guard let word, let equals = word.firstIndex(of: "="), equals != word.startIndex else {
      return false
    }
    return word[..<equals].utf8.allSatisfy(Lexer.isMacroName)
  }

  private mutating func read(_ scalar: Unicode.Scalar) {
    defer { last = scalar }
    guard !isEscaped else {
      isEscaped = false
      return append(scalar)
    }
    switch (quoting, scalar) {
    case (.single, "'"), (.double, "\""): quoting = .none
    case (.single, _): append(scalar)
    case (_, "\\"): isEscaped = true
    case (_, "`") where frames.contains { $0.end == "`" }: close("`")
    case (_, "`"): open("`")
    case (_, "(") where last == "$": open(")")
    case (.double, _): append(scalar)
    case (.none, "'"), (.none, "\""):
      quoting = scalar == "'" ? .single : .double
      word = word ?? ""
      isQuoted = true
    case (.none, _): readBare(scalar)
    }
  }

  private mutating func readBare(_ scalar: Unicode.Scalar) {
    switch scalar {
    case " ", "\t": endWord()
    case "&" where last == ">" || last == "<", "|" where last == ">": break
    case "<", ">":
      // Digits before it are a descriptor.
      if word?.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) ?? false { word = nil }
      endWord()
      if case .operand = place {} else { place = .operand(then: place) }
    case "(":
      endWord()
      place = .program
      open(")")
    case ")":
      endWord()
      if !close(")") { place = .program }
    case "&", "|", ";", "\n":
      endWord()
      place = .program
    default: append(scalar)
    }
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    word = word ?? ""
    word?.unicodeScalars.append(scalar)
    if case .script = place {
      if script.isEmpty { script.append(ProgramSearch()) }
      script[0].read(scalar)
    }
  }

  private mutating func endWord() {
    guard let word else { return }
    switch place {
    case .operand(let next): place = next
    case .program:
      let name = word[(word.lastIndex(of: "/").map(word.index(after:)) ?? word.startIndex)...]
      let goesOn = Self.prefixes.contains(name) || word.hasPrefix("-")
      if isQuoted || !goesOn, !isAssignment {
        place = Self.shells.contains(name) ? .shellOption : .argument
      } else if Self.optionsWithValue.contains(word) {
        place = .operand(then: .program)
      }
    case .shellOption:
      if !word.hasPrefix("-") {
        place = .argument
      } else if word.hasSuffix("c") {
        place = .script
      }
    case .script:
      script = []
      place = .argument
    case .argument: break
    }
    self.word = nil
    isQuoted = false
  }

  private mutating func open(_ end: Unicode.Scalar) {
    let isSubstitution = end == "`" || last == "$"
    let isProgram = isSubstitution && isInProgram || frames.last?.isProgram ?? false
    frames.append(
      Frame(
        quoting: quoting,
        place: place,
        word: word,
        script: script,
        end: end,
        isProgram: isProgram
      )
    )
    (quoting, place, word, isQuoted, script) = (.none, .program, nil, false, [])
  }

  /// Whether something was open that this ends.
  @discardableResult
  private mutating func close(_ end: Unicode.Scalar) -> Bool {
    guard let index = frames.lastIndex(where: { $0.end == end }) else { return false }
    let frame = frames[index]
    frames.removeSubrange(index...)
    (quoting, place, script) = (frame.quoting, frame.place, frame.script)
    word = (frame.word ?? "") + "$"
    isQuoted = true
    return true
  }
}

extension Format.Token {
  /// Whether whoever sends mail chooses the value. An account has to exist before it is one.
  fileprivate var isOfNetwork: Bool {
    switch self {
    case .sender, .senderUser, .senderDomain, .recipient, .recipientUser, .recipientDomain,
      .destination, .destinationUser, .destinationDomain, .mailboxFrom:
      true
    case .userName, .userDirectory, .command: false
    }
  }
}
