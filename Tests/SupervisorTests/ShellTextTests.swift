// SPDX-License-Identifier: ISC

import Glibc
import Testing

@testable import Supervisor

@Suite("Commands with values in them", .serialized)
struct ShellTextTests {
  /// Local parts and users that would be a program, had a shell read them.
  private static let hostile = [
    ";touch /tmp/talaria-pwned;", "$(touch /tmp/talaria-pwned)", "`touch /tmp/talaria-pwned`",
    "a\"; touch /tmp/talaria-pwned; \"", "a'; touch /tmp/talaria-pwned; '",
    "|touch /tmp/talaria-pwned",
    "${IFS}", "a b  c", "*", "~root", "\\", "a\\'b", "&", "> /tmp/talaria-pwned", "x=$HOME", "",
  ]

  @Test(
    "words become an argument vector",
    arguments: [
      ("/usr/bin/procmail -f -", ["/usr/bin/procmail", "-f", "-"]),
      ("prog 'a b' \"c d\" e'f'g", ["prog", "a b", "c d", "efg"]),
      ("  prog\t'' x=1 'a|b;c$d' ", ["prog", "", "x=1", "a|b;c$d"]),
      ("'cat' \"it's\"", ["cat", "it's"]),
    ]
  )
  func words(_ text: String, _ expected: [String]) {
    #expect(ShellText.compose([.text(text)], name: "V") == .words(expected))
  }

  @Test(
    "what only a shell understands is given to one, as it is",
    arguments: [
      "cat > x", "a | b", "a && b", "a; b", "cd /tmp", "exec a", "X=1 a", "a $HOME", "a \"$HOME\"",
      "a `b`", "a *", "a ~", "a {b,c}", "( a )", "if a", "! a", "a 'b", "", "a \\ b", ". /x",
      "a # b",
    ]
  )
  func scripts(_ text: String) {
    guard case .script(let script) = ShellText.compose([.text(text)], name: "V") else {
      Issue.record("\(text)")
      return
    }
    #expect(script.text == text && script.variables.isEmpty)
  }

  @Test("a value is one argument, or a part of one, and never an option")
  func values() {
    for value in Self.hostile {
      let result = ShellText.compose(
        [.text("prog "), .value(value), .text(" --to='"), .value(value), .text("'")],
        name: "V"
      )
      #expect(result == .words(["prog", value, "--to=\(value)"]), "\(value)")
    }
    #expect(
      ShellText.compose([.text("prog "), .value("-oQ/tmp"), .text(" x"), .value("-y")], name: "V")
        == .words(["prog", ":oQ/tmp", "x-y"])
    )
  }

  @Test(
    "in a script a value is data wherever it stands, in an inner shell's argument too",
    arguments: [
      "printf %s @;", "printf %s \"@\";", "printf %s '@';",
      "X=\"$(printf %s \"@\")\"; printf %s \"$X\"",
    ]
  )
  func scriptValues(_ form: String) throws {
    let pieces = form.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
    for value in Self.hostile {
      let result = ShellText.compose(
        [.text(pieces[0]), .value(value), .text(pieces[1])],
        name: "TALARIA_"
      )
      guard case .script(let script) = result else {
        Issue.record("\(form)")
        continue
      }
      #expect(!value.isEmpty ? !script.text.contains(value) : true)
      let output = try Self.run(script)
      // In the fourth form the inner quotes end the outer ones, for our reading.
      #expect(output == value || form.hasPrefix("X="), "\(form) with \(value): \(output)")
      #expect(unsafe access("/tmp/talaria-pwned", F_OK) != 0)
    }
  }

  @Test(
    "a value is in the environment of no command that a script runs, but of a shell that needs it"
  )
  func environment() throws {
    func script(_ parts: [ShellText.Part], _ name: String) throws -> ShellScript {
      guard case .script(let script) = ShellText.compose(parts, name: name) else {
        throw NoScript()
      }
      return script
    }
    let values = (1...12).map { "value \($0) '\"$" }
    let parts = values.flatMap { [ShellText.Part.text(" "), .value($0)] }
    let inner = try script([.text("env | grep -c ^IN_; printf '<%s>'")] + parts, "IN_")
    let all = values.map { "<\($0)>" }.joined()
    #expect(try Self.run(inner) == "0\n\(all)")
    let beside = try script(
      [.text("env | grep -c _1; "), .script(inner), .text(" "), .value("x")],
      "OUT_"
    )
    #expect(try Self.run(beside) == "0\n0\n\(all)<x>")
    let within = try script(
      [.text("env | grep -c ^OUT_; sh -c '"), .script(inner), .text("' "), .value("y")],
      "OUT_"
    )
    #expect(try Self.run(within).hasPrefix("0\n12\n\(all)"))
  }

  private struct NoScript: Error {}

  @Test("a script stands whole inside a wrapper's quotes")
  func wrappers() throws {
    let inner = ShellScript(words: ["printf", "%s", "it's \"$HOME\" `x` \\"])
    for form in ["@", "sh -c '@'", "sh -c \"@\"", "true && @"] {
      let pieces = form.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
      let result = ShellText.compose(
        [.text(pieces[0]), .script(inner), .text(pieces[1])],
        name: "V"
      )
      guard case .script(let script) = result else {
        Issue.record("\(form)")
        continue
      }
      #expect(try Self.run(script) == "it's \"$HOME\" `x` \\", "\(form): \(script.text)")
    }
  }

  private static func run(_ script: ShellScript) throws -> String {
    var table = CommandTable()
    var program = Program(path: "/bin/sh", arguments: ["sh", "-c", script.program])
    program.environment = ["PATH=/usr/bin:/bin", "HOME=/nowhere"] + script.environment
    let ends = try table.start(program, task: 1, now: 0)
    close(ends[0])
    table.fed(task: 1)
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      // The buffer is as long as its count says.
      let length = unsafe read(ends[1], &buffer, buffer.count)
      guard length > 0 else { break }
      text += buffer[..<length]
    }
    close(ends[1])
    var status: CInt = 0
    let process = try #require(table.processes.first)
    // The status is written during the call only.
    _ = unsafe waitpid(process, &status, 0)
    _ = table.ended(process: process, status: status)
    return String(decoding: text, as: UTF8.self)
  }
}
