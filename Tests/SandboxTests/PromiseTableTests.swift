// SPDX-License-Identifier: ISC

import Glibc
import Interprocess
import RolePromises
import Sandbox
import TestFiles
import Testing

@Suite("The lists of promises are told in words")
struct PromiseTableTests {
  private static let begin = "<!-- promises -->"
  private static let end = "<!-- end of promises -->"
  private static let path =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/ARCHITECTURE.md"

  /// With `TALARIA_REWRITE=1` in the environment the table is written instead.
  @Test("the table in ARCHITECTURE.md is the code's")
  func table() throws {
    let lines = try PromiseTableTests.read()
    let first = try #require(lines.firstIndex(of: PromiseTableTests.begin))
    let last = try #require(lines.firstIndex(of: PromiseTableTests.end))
    let wanted = RolePromises.table
    // The text is copied at once.
    if unsafe getenv("TALARIA_REWRITE") != nil {
      let text = Array(lines[...first]) + [""] + wanted + [""] + Array(lines[last...])
      try PromiseTableTests.write(text.joined(separator: "\n") + "\n")
      return
    }
    let found = lines[(first + 1)..<last].filter { !$0.isEmpty }
    #expect(found == wanted, "run TALARIA_REWRITE=1 swift test --filter PromiseTableTests")
  }

  @Test("each promise has its reason", arguments: Role.allCases)
  func reasons(role: Role) {
    let stated = RolePromises.stated(by: role).statements
    #expect(stated.first?.word == .stdio)
    #expect(stated.allSatisfy { !$0.reason.isEmpty })
    // The order of the vocabulary, so that two lists compare at a glance.
    let places = stated.compactMap { Promise.allCases.firstIndex(of: $0.word) }
    #expect(places == places.sorted())
  }

  private static func read() throws -> [String] {
    let content = TestFile.bytes("ARCHITECTURE.md", beside: path)
    guard !content.isEmpty else { throw NoGround(what: path) }
    var lines = String(decoding: content, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  private static func write(_ text: String) throws {
    // The stream is closed below.
    guard let file = unsafe fopen(path, "w") else { throw NoGround(what: path) }
    defer { _ = unsafe fclose(file) }
    let bytes = Array(text.utf8)
    // The array is as large as the count says.
    let written = unsafe fwrite(bytes, 1, bytes.count, file)
    #expect(written == bytes.count)
  }
}
