// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

@Suite("The tables of relays and of listeners' names")
struct RelayDirectoryTests {
  private struct Fixture {
    var directory: RelayDirectory
    let tables: [String]

    func index(_ table: String) -> TableIndex { TableIndex(tables.firstIndex(of: table) ?? -1) }
  }

  /// The directory of a configuration, whose text files say what is given here.
  private func fixture(_ text: String, files: [String: String] = [:]) throws -> Fixture {
    let report = ConfigurationReport(
      reading: "t.conf",
      facts: HostFacts(hostName: "mx.example.org")
    ) { path throws(UnreadableFile) in
      if path == "t.conf" { return Array((text + "\nmatch for any reject\n").utf8) }
      return Array((files[path] ?? "").utf8)
    }
    #expect(report.errors.map(\.description) == [])
    let projection = LookupProjection(try #require(report.configuration))
    var fixture = Fixture(
      directory: RelayDirectory(projection),
      tables: projection.tables.map(\.name)
    )
    for (index, table) in projection.tables.enumerated() {
      guard case .file(let path) = table.content, let file = files[path] else { continue }
      let contents = try TableContents(parsing: Array(file.utf8))
      fixture.directory.replace(TableIndex(index), with: .contents(contents))
    }
    return fixture
  }

  private func directory(_ text: String, files: [String: String] = [:]) throws -> RelayDirectory {
    try fixture(text, files: files).directory
  }

  private func refusal(_ body: () throws -> Void) -> RelayDirectory.Refusal? {
    do {
      try body()
      return nil
    } catch {
      return error as? RelayDirectory.Refusal
    }
  }

  @Test("the host of a domain")
  func domains() throws {
    var inline = try directory(
      "action out relay domain { \"Example.org\" = \"smtp://a\", \"x.example\" = \"lmtp://b:24\" }"
    )
    #expect(try inline.facts(ofRelay: "out", to: "example.org").host == "smtp://a")
    #expect(try inline.facts(ofRelay: "out", to: "x.example").host == "lmtp://b:24")
    let missing = refusal { _ = try inline.facts(ofRelay: "out", to: "y.example") }
    #expect(missing?.description.hasSuffix(" has no entry for y.example") == true)
    var file = try directory(
      "table d \"/d\"\naction out relay domain <d>",
      files: ["/d": "example.org smtp://a\n"]
    )
    #expect(try file.facts(ofRelay: "out", to: "example.org").host == "smtp://a")
  }

  @Test("hosts in turn, in the order of their names, whatever order the file has")
  func hosts() throws {
    var directory = try directory(
      "table h \"/h\"\naction out relay host <h>",
      files: ["/h": "# @list\nsmtp://c\nsmtp://a\nsmtp://b\n"]
    )
    let hosts = try (0..<5).map { _ in try directory.facts(ofRelay: "out", to: "").host }
    #expect(hosts == ["smtp://a", "smtp://b", "smtp://c", "smtp://a", "smtp://b"])
  }

  @Test("sources, and their names")
  func sources() throws {
    var directory = try directory(
      "table s \"/s\"\ntable n \"/n\"\naction out relay src <s> helo-src <n>",
      files: [
        "/s": "192.0.2.1\n2001:db8::1\n",
        "/n": "192.0.2.1 one.example.org\n[2001:db8::1] two.example.org\n192.0.2.9 nine.example\n",
      ]
    )
    let facts = try directory.facts(ofRelay: "out", to: "example.org")
    let one = try #require(IPAddress(parsing: "192.0.2.1"))
    let two = try #require(IPAddress(parsing: "2001:db8::1"))
    #expect(facts.sources == [one, two])
    #expect(facts.heloNames == [one: "one.example.org", two: "two.example.org"])
    #expect(facts.host == nil)
  }

  @Test("without sources every name, for the system chooses the address")
  func names() throws {
    var directory = try directory(
      "table n \"/n\"\naction out relay helo-src <n>",
      files: ["/n": "192.0.2.1 one.example.org\n192.0.2.9 nine.example.org\n"]
    )
    #expect(try directory.facts(ofRelay: "out", to: "example.org").heloNames.count == 2)
  }

  @Test("so many sources and names, and no more")
  func limits() throws {
    let max = RelayDirectory.Limits.sources
    func addresses(_ count: Int) -> String {
      (0..<count).map { "10.0.\($0 >> 8).\($0 & 255)\n" }.joined()
    }
    let text = "table s \"/s\"\naction out relay src <s>"
    var full = try directory(text, files: ["/s": addresses(max)])
    #expect(try full.facts(ofRelay: "out", to: "x").sources.count == max)
    var over = try directory(text, files: ["/s": addresses(max + 1)])
    #expect(refusal { _ = try over.facts(ofRelay: "out", to: "x") } == .tooMany(table: "s"))
    let names = RelayDirectory.Limits.names
    func map(_ count: Int) -> String {
      (0..<count).map { "10.0.\($0 >> 8).\($0 & 255) a.example\n" }.joined()
    }
    let other = "table n \"/n\"\naction out relay helo-src <n>"
    var fullNames = try directory(other, files: ["/n": map(names)])
    #expect(try fullNames.facts(ofRelay: "out", to: "x").heloNames.count == names)
    var overNames = try directory(other, files: ["/n": map(names + 1)])
    #expect(refusal { _ = try overNames.facts(ofRelay: "out", to: "x") } == .tooMany(table: "n"))
  }

  @Test("a table that cannot be read, or is empty, is a refusal and never another way")
  func unavailable() throws {
    let text = """
      table d "/d"
      table h db:/h
      action one relay domain <d>
      action two relay host <h>
      """
    var unread = try directory(text)
    #expect(
      refusal { _ = try unread.facts(ofRelay: "one", to: "x") } == .unavailable(table: "d")
    )
    #expect(
      refusal { _ = try unread.facts(ofRelay: "two", to: "x") } == .unavailable(table: "h")
    )
    #expect(
      refusal { _ = try unread.facts(ofRelay: "other", to: "x") } == .unknownAction("other")
    )
    var empty = try fixture(text)
    empty.directory.replace(empty.index("h"), with: .contents(.list([])))
    #expect(
      refusal { _ = try empty.directory.facts(ofRelay: "two", to: "x") }
        == .noEntry(table: "h", key: "*")
    )
  }

  @Test("the name of a listener at an address")
  func listeners() throws {
    let directory = try directory(
      """
      listen on 192.0.2.1 hostnames { "192.0.2.1" = "one.example.org", "::1" = "six.example.org" }
      listen on 192.0.2.2
      """
    )
    let one = try #require(IPAddress(parsing: "192.0.2.1"))
    let six = try #require(IPAddress(parsing: "::1"))
    let other = try #require(IPAddress(parsing: "192.0.2.3"))
    #expect(try directory.hostName(ofListener: 0, at: one) == "one.example.org")
    #expect(try directory.hostName(ofListener: 0, at: six) == "six.example.org")
    #expect(try directory.hostName(ofListener: 0, at: other) == nil)
    #expect(try directory.hostName(ofListener: 1, at: one) == nil)
    #expect(try directory.hostName(ofListener: 9, at: one) == nil)
  }

  @Test("a value that is no name is none")
  func badName() throws {
    var changed = try fixture(
      "table n \"/n\"\nlisten on 192.0.2.1 hostnames <n>",
      files: ["/n": "192.0.2.2 ok.example.org\n"]
    )
    let bad = TableDeclaration.Pair(key: "192.0.2.1", value: "a b\r\nc")
    changed.directory.replace(changed.index("n"), with: .contents(.map([bad])))
    let one = try #require(IPAddress(parsing: "192.0.2.1"))
    #expect(try changed.directory.hostName(ofListener: 0, at: one) == nil)
  }
}
