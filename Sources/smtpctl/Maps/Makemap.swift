// SPDX-License-Identifier: ISC

import Configuration
import Policy

/// makemap(8): makes a map of a text, or shows what is in one.
struct Makemap: Equatable {
  /// Why there is no map.
  struct Failure: Error, Equatable {
    /// Without the name of the program, which may be newaliases.
    let lines: [String]
    var usage: String?

    init(_ line: String) { lines = [line] }

    init(lines: [String], usage: String? = nil) {
      self.lines = lines
      self.usage = usage
    }

    /// For standard error.
    func text(of program: String) -> String {
      (lines.map { "\(program): \($0)" } + [usage].compactMap(\.self)).joined(separator: "\n")
    }
  }

  var dumps = false
  /// `-bi`: it is newaliases.
  var makesAliases = false
  /// nil is the input's path with `.db` behind it.
  var output: String?
  var kind = MapFile.Kind.plain
  /// `-` is standard input.
  var input = ""

  static let usage = "usage: makemap [-U] [-d dbtype] [-o dbfile] [-t type] file"

  static func run(_ arguments: [String]) -> ExitStatus {
    do throws(Failure) {
      let command = try Makemap(arguments)
      if command.makesAliases { return Newaliases.run([]) }
      if command.dumps { try command.dump() } else { _ = try command.make() }
      return .success
    } catch {
      SystemCalls.report(error.text(of: "makemap"))
      return .failure
    }
  }

  /// - Parameter arguments: without the program's name.
  init(_ arguments: [String]) throws(Failure) {
    var rest = arguments[...]
    while let argument = rest.first, argument.hasPrefix("-"), argument != "-" {
      rest.removeFirst()
      if argument == "--" { break }
      var letters = argument.dropFirst()
      while let letter = letters.popFirst() {
        guard "bCdoOtU".contains(letter) else { throw Makemap.misuse }
        if letter == "U" {
          dumps = true
          continue
        }
        let value = letters.isEmpty ? rest.popFirst() : String(letters)
        letters = ""
        guard let value else { throw Makemap.misuse }
        try set(letter, value)
      }
    }
    try setInput(Array(rest))
  }

  private mutating func set(_ letter: Character, _ value: String) throws(Failure) {
    switch letter {
    case "b": makesAliases = makesAliases || value == "i"
    case "o": output = value
    case "d":
      guard ["hash", "btree", "dbm"].contains(value) else {
        throw Failure("unsupported DB type \(value)")
      }
    case "t":
      guard let kind = MapFile.Kind(rawValue: value) else {
        throw Failure("unsupported map type \(value)")
      }
      self.kind = kind
    default: break
    }
  }

  private mutating func setInput(_ words: [String]) throws(Failure) {
    switch words.count {
    case 0 where makesAliases: return
    case _ where makesAliases: throw Makemap.misuse
    case 1: input = words[0]
    case 2 where ["hash", "btree"].contains(words[0]):
      // As sendmail's is called: a type, a name, and the text on standard input.
      input = "-"
      output = words[1].hasSuffix(".db") ? words[1] : words[1] + ".db"
    default: throw Makemap.misuse
    }
    guard input != "-" || output != nil || dumps else {
      throw Failure(lines: ["with standard input, -o is needed"], usage: Makemap.usage)
    }
  }

  private static let misuse = Failure(lines: [], usage: usage)

  /// Makes the map. Returns how many keys it has.
  func make() throws(Failure) -> Int {
    let content = try MapFiles.read(input)
    let text = MapText(parsing: content.bytes, as: kind)
    guard text.faults.isEmpty else {
      throw Failure(lines: text.faults.map { "\(input):\($0.line): \($0.text)" })
    }
    try MapFiles.write(text.entries, kind, to: output ?? "\(input).db", like: content)
    return text.entries.count
  }

  private func dump() throws(Failure) {
    let map = try MapFiles.open(input)
    do {
      let output = Smtpctl.standardOutput()
      for entry in try map.entries() {
        try output.line(entry.value.isEmpty ? entry.key : "\(entry.key)\t\(entry.value)")
      }
      try output.flush()
    } catch let fault as MapFile.Fault {
      throw Failure("\(input) \(fault)")
    } catch Output.Failure.closed {
      return
    } catch {
      throw Failure("standard output: \(error)")
    }
  }
}
