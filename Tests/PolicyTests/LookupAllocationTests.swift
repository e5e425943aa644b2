// SPDX-License-Identifier: ISC

import AllocationCount
import Configuration
import Glibc
import LMDBStore
import Mail
import Testing

@testable import Policy

/// However long a table is, a question about it needs no more memory than one about a short table.
@Suite("What lookups allocate")
struct LookupAllocationTests {
  fileprivate static let lengths = (short: 100, long: 100_000)
  /// A block of the heap may be larger than it has to be, and an array that grows in it asks for more.
  private static let chance = 256

  /// The most that `look` holds at a time, but for what is made once and kept.
  private static func bytes<Answer>(_ look: () throws -> Answer) rethrows -> Int {
    var least = Int.max
    for _ in 0..<4 {
      // All of it is on one thread: nothing here waits.
      talaria_count_anew()
      _ = try look()
      least = min(least, Int(talaria_allocated_most()))
    }
    return least
  }

  private static func place(
    of name: String,
    in projection: LookupProjection
  ) throws -> TableIndex {
    TableIndex(try #require(projection.tables.firstIndex { $0.name == name }))
  }

  @Test("what is allocated is counted, also when it is given back before the end")
  func counts() {
    let size = Int.random(in: 100_000...200_000)
    let bytes = Self.bytes { (0..<8).map { _ in [UInt8](repeating: 1, count: size).count } }
    #expect(size..<2 * size ~= bytes)
  }

  /// A criterion and the entries of its table.
  struct Criterion: Sendable, CustomTestStringConvertible {
    let text: String
    let kind: String
    let longest: Int
    let entry: @Sendable (Int) -> String

    init(
      _ text: String,
      _ kind: String,
      upTo longest: Int = LookupAllocationTests.lengths.long,
      _ entry: @escaping @Sendable (Int) -> String
    ) {
      (self.text, self.kind, self.longest, self.entry) = (text, kind, longest, entry)
    }

    var testDescription: String { "\(text): \(kind)" }

    /// A ruleset that asks a table of so many lines.
    func ruleset(_ length: Int) throws -> Ruleset {
      let path = text.contains("src") ? "/net" : "/t"
      let projection = try Rules.projection("table t file:\(path)\nmatch \(text) reject")
      var ruleset = Ruleset(projection)
      let contents = TableContents.list((0..<length).map(entry))
      let table = try LookupAllocationTests.place(of: "t", in: projection)
      try ruleset.replace(table, with: .contents(contents))
      return ruleset
    }
  }

  private static let criteria = [
    Criterion("tag <t> from any for any", "names") { "tag\($0)" },
    Criterion("from auth <t> for any", "names") { "user\($0)" },
    Criterion("from any for domain <t>", "names") { "d\($0).example" },
    Criterion("from any for domain <t>", "parts") { "*.d\($0).example" },
    Criterion("from any for domain <t>", "globs") { "d\($0)*.example" },
    Criterion("from any for any helo <t>", "names") { "d\($0).example" },
    Criterion("from any for any helo <t>", "globs") { "*d\($0).example" },
    Criterion("from src <t> for any", "addresses") {
      "10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)"
    },
    Criterion("from src <t> for any", "blocks") {
      "20.\($0 >> 10).\($0 >> 2 & 255).\($0 % 4 * 64)/\(26 + $0 % 7)"
    },
    Criterion("from src <t> for any", "IPv6") { "2001:db8:\($0 % 10_000):\($0 / 10_000)::/64" },
    Criterion("from any for any mail-from <t>", "users") { "user\($0)" },
    Criterion("from any for any mail-from <t>", "domains") { "@d\($0).example" },
    Criterion("from any for any mail-from <t>", "addresses") { "user\($0)@d\($0).example" },
    Criterion("from any for any mail-from <t>", "globs") { "user\($0)@*.d\($0).example" },
    // Each is looked at in its turn.
    Criterion("from any for any mail-from regex <t>", "expressions", upTo: 2000) {
      "^user\($0)\\b.*@([a-z]\\.)?d\($0)[.]example$"
    },
    Criterion("from any for domain regex <t>", "expressions", upTo: 2000) {
      "\\bd\($0)\\.example$"
    },
    Criterion("from any for any helo regex <t>", "expressions", upTo: 2000) { "^d\($0)[.]" },
  ]

  /// The seventh entry of each table, or something that no table has.
  private static func subjects() throws -> [RuleSubject] {
    try [
      Rules.subject(
        from: "user7+x@d7.example",
        to: "x@D7.example",
        source: .inet4(0x0a00_0007),
        helo: "d7.example",
        user: "user7",
        tag: "tag7"
      ),
      Rules.subject(
        from: "user7@a.d7.example",
        to: "x@a.d7.example",
        source: .inet4(0x1400_01c1),
        helo: "a.d7.example"
      ),
      Rules.subject(from: "nobody@here.test", to: "x@here.test", source: .inet6(7, 7)),
      Rules.subject(to: "x@there.test", source: .inet6(0x2001_0db8_0007_0000, 7)),
    ]
  }

  @Test("a decision costs no more with a long table", arguments: criteria)
  func decisions(_ criterion: Criterion) throws {
    let short = try criterion.ruleset(Self.lengths.short)
    let long = try criterion.ruleset(criterion.longest)
    var found = 0
    for subject in try Self.subjects() {
      #expect(short.decide(subject) == long.decide(subject))
      if long.decide(subject) != .noRule { found += 1 }
      let most = Self.bytes { short.decide(subject) } + Self.chance
      #expect(Self.bytes { long.decide(subject) } <= most, "\(subject)")
    }
    #expect(1..<4 ~= found)
  }

  /// A map of makemap's with so many keys, `dN.example`.
  private static func map(_ length: Int) throws -> MapFile {
    var path = Array("/tmp/talaria-map-XXXXXX".utf8CString)
    // The array ends with a zero, and is written during the call only.
    let file = unsafe mkstemp(&path)
    try #require(file >= 0)
    defer { close(file) }
    let name = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // A path is read during the call only.
    defer { unsafe unlink(name) }
    var pairs = (0..<length).map {
      (key: Array("d\($0).example".utf8), value: Array("h\($0)".utf8))
    }
    pairs.append((key: MapFile.formatKey, value: Array(MapFile.formatValue(of: .plain).utf8)))
    pairs.sort { $0.key.lexicographicallyPrecedes($1.key) }
    try MapWriter.write(pairs, to: name)
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      // The buffer is as long as its count says.
      let count = unsafe read(file, &buffer, buffer.count)
      guard count > 0 else { break }
      content += buffer[..<count]
    }
    return try MapFile { [content] offset, count in
      guard let start = Int(exactly: offset), start <= content.count - count else { return nil }
      return Array(content[start..<start + count])
    }
  }

  @Test("nor does the value of a key in a map that makemap made, however many pages that has")
  func maps() throws {
    let text = """
      pki x cert "/c"
      pki x key "/k"
      table t db:/map
      listen on lo tls pki x auth <t>
      action hosts relay domain <t>
      match from any for any action hosts
      """
    let projection = try Rules.projection(text)
    let table = try Self.place(of: "t", in: projection)
    func bytes(_ length: Int) throws -> [Int] {
      let source = TableSource.map(try Self.map(length))
      var ruleset = Ruleset(projection)
      var relays = RelayDirectory(projection)
      try ruleset.replace(table, with: source)
      relays.replace(table, with: source)
      #expect(ruleset.password(of: "d7.example", in: table) == .hash("h7"))
      #expect(ruleset.password(of: "d7.exampl", in: table) == .absent)
      #expect(try relays.facts(ofRelay: "hosts", to: "d7.example").host == "h7")
      return [
        Self.bytes { ruleset.password(of: "d7.example", in: table) },
        Self.bytes { ruleset.password(of: "e.example", in: table) },
        Self.bytes { try? relays.facts(ofRelay: "hosts", to: "d7.example") },
      ]
    }
    // A page for each level, of which a thousand times the keys need a few more.
    let levels = 3 * 4096
    for (long, short) in zip(try bytes(Self.lengths.long), try bytes(Self.lengths.short)) {
      #expect(long <= short + levels)
    }
  }

  @Test("neither do the value of a key, and a relay's host, addresses and names")
  func values() throws {
    let text = """
      pki x cert "/c"
      pki x key "/k"
      table t file:/map
      table u file:/addresses
      table n file:/names
      listen on lo tls pki x auth <t>
      action hosts relay domain <t>
      action one relay src <u>
      action all relay helo-src <n>
      match from any for any action hosts
      """
    let projection = try Rules.projection(text)
    let keys = try Self.place(of: "t", in: projection)
    let sources = try Self.place(of: "u", in: projection)
    let names = try Self.place(of: "n", in: projection)
    func bytes(_ length: Int) throws -> [Int] {
      let addresses = (0..<length).map { "10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)" }
      let pairs = addresses.map { TableDeclaration.Pair(key: $0, value: "h.example") }
      let map = TableContents.map(pairs + [.init(key: "d.example", value: "h")])
      var ruleset = Ruleset(projection)
      var relays = RelayDirectory(projection)
      for (table, source) in [(keys, map), (names, .map(pairs)), (sources, .list(addresses))] {
        try ruleset.replace(table, with: .contents(source))
        relays.replace(table, with: .contents(source))
      }
      #expect(ruleset.password(of: "d.example", in: keys) == .hash("h"))
      #expect(try relays.facts(ofRelay: "hosts", to: "d.example").host == "h")
      if length == Self.lengths.long {
        for (action, table) in [("one", "u"), ("all", "n")] {
          #expect(throws: RelayDirectory.Refusal.tooMany(table: table)) {
            try relays.facts(ofRelay: action, to: "d.example")
          }
        }
      }
      return [
        Self.bytes { ruleset.password(of: "d.example", in: keys) },
        Self.bytes { ruleset.password(of: "e.example", in: keys) },
        Self.bytes { try? relays.facts(ofRelay: "hosts", to: "d.example") },
        Self.bytes { try? relays.facts(ofRelay: "one", to: "d.example") },
        Self.bytes { try? relays.facts(ofRelay: "all", to: "d.example") },
      ]
    }
    let most = try bytes(Self.lengths.short)
    // As many as are carried along with a delivery may be copied, whatever the table, into blocks of a heap
    // that other tests have cut up.
    let carried = 24 << 10
    for (long, short) in zip(try bytes(Self.lengths.long), most) {
      #expect(long <= short + carried)
    }
  }
}
