// SPDX-License-Identifier: ISC

import Configuration
import Glibc
import Interprocess
import LMDBStore
import Policy
import Synchronization
import Testing

@testable import Lookup

@Suite struct TableFileTests {
  private let directory = TestDirectory()

  private func open(_ name: String) throws -> TableFile {
    // The path is read during the call only.
    let number = unsafe Glibc.open("\(directory.path)/\(name)", O_RDONLY | O_CLOEXEC)
    try #require(number >= 0)
    return TableFile(Descriptor(owning: number))
  }

  private func map(
    _ entries: [(String, String)],
    kind: MapFile.Kind = .aliases,
    format: String? = nil
  ) throws {
    directory.write("map", "")
    var pairs = entries.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
      .map { (key: Array($0.0.utf8), value: Array($0.1.utf8)) }
    let value = format ?? MapFile.formatValue(of: kind)
    pairs.insert((MapFile.formatKey, Array(value.utf8)), at: 0)
    try MapWriter.write(pairs, to: "\(directory.path)/map")
  }

  private func read() throws -> MapFile {
    guard case .map(let map) = try open("map").source(as: .map) else {
      throw TableFile.Fault.unreadable
    }
    return map
  }

  @Test("a text is read whole", arguments: ["a\nb\n", "a b\n", "", "\u{e9}\n"])
  func text(_ text: String) throws {
    directory.write("text", text)
    guard case .contents(let contents) = try open("text").source(as: .text) else {
      Issue.record("not a text")
      return
    }
    #expect(contents == (try TableContents(parsing: Array(text.utf8))))
  }

  @Test("what makemap writes is found again, one or many", arguments: [0, 1, 2, 100, 20_000])
  func maps(_ count: Int) throws {
    let entries = (0..<count).map { ("key\($0)", "value of \($0)") }
    try map(entries)
    let map = try read()
    #expect(map.count == count && map.kind == .aliases)
    for (key, value) in entries { #expect(try map.value(of: key) == value) }
    #expect(try map.value(of: "key") == nil)
    #expect(try map.value(of: "zzz") == nil)
    #expect(try map.value(of: "") == nil)
    #expect(try map.value(of: "\0") == nil)
    #expect(try map.value(of: String(repeating: "k", count: 600)) == nil)
    #expect(try map.entries().count == count)
  }

  @Test("values may be as large as pages of their own, and sets have none")
  func large() throws {
    let value = String(repeating: "a@b.example, ", count: 50_000)
    try map([("all", value), ("other", "x")])
    #expect(try read().value(of: "all") == value)
    #expect(try read().value(of: "other") == "x")
    try map([("a", ""), ("b", "")], kind: .set)
    #expect(try read().kind == .set)
    #expect(try read().entries().map(\.key) == ["a", "b"])
  }

  @Test("a map is read once when it is made ready, whatever is asked of it")
  func once() throws {
    try map((0..<2000).map { ("10.\($0 / 250).\($0 % 250).1", "") }, kind: .set)
    let file = try open("map")
    let reads = Mutex(0)
    let map = try MapFile { offset, count in
      reads.withLock { $0 += 1 }
      return file.read(offset, count)
    }
    func count(_ body: () throws -> Void) rethrows -> Int {
      let before = reads.withLock { $0 }
      try body()
      return reads.withLock { $0 } - before
    }
    let whole = try count { _ = try map.entries() }
    let test = Rule.Test(table: TableIndex(0), comparison: .entries, sense: .holds)
    var rule = Rule(line: 1, source: .address(test), destination: .domain(test), outcome: .reject)
    rule.helo = test
    let projection = LookupProjection(
      serverName: "mx.example",
      tables: [TableDeclaration(name: "t", content: .database("/t"))],
      rules: [rule],
      actions: []
    )
    var ruleset = Ruleset(projection)
    let all = try count { try ruleset.replace(TableIndex(0), with: .map(map)) }
    #expect(whole > 1)
    #expect(all == whole)
  }

  @Test("what is no map says what it is and what to do")
  func others() throws {
    directory.write("map", "a b\n")
    #expect(throws: TableFile.Fault.map(.notAMap)) { try read() }
    for magic in [[0x61, 0x15, 0x06, 0x00], [0x00, 0x05, 0x31, 0x62]] as [[UInt8]] {
      directory.write(
        "map",
        [UInt8](repeating: 0, count: 12) + magic + Array(repeating: 0, count: 8192)
      )
      #expect(throws: TableFile.Fault.map(.berkeley)) { try read() }
    }
    #expect("\(TableFile.Fault.map(.berkeley))".contains("makemap"))
    try map([("a", "b")], format: "2 aliases")
    #expect(throws: TableFile.Fault.map(.otherFormat)) { try read() }
    try map([("a", "b")], format: "1 what")
    #expect(throws: TableFile.Fault.map(.otherFormat)) { try read() }
  }

  @Test("a damaged map is an error and never an end, whichever byte it is")
  func damage() throws {
    try map((0..<300).map { ("key\($0)", String(repeating: "v", count: $0 * 10)) })
    let bytes = try #require(try open("map").wholeContent())
    var generator = Splitter(state: 1)
    for _ in 0..<3000 {
      var damaged = bytes
      let place = Int(generator.next() % UInt64(bytes.count))
      damaged[place] ^= UInt8(truncatingIfNeeded: generator.next() | 1)
      let copy = damaged
      let source: MapFile.Source = { offset, count in
        guard count >= 0, offset <= UInt64(copy.count), UInt64(copy.count) - offset >= UInt64(count)
        else { return nil }
        return Array(copy[Int(offset)..<Int(offset) + count])
      }
      guard let map = try? MapFile(reading: source) else { continue }
      _ = try? map.entries()
      for key in ["key0", "key150", "key299", "none"] { _ = try? map.value(of: key) }
    }
    // Cut off anywhere.
    for count in stride(from: 0, to: bytes.count, by: 997) {
      let copy = Array(bytes.prefix(count))
      let map = try? MapFile { offset, length in
        Int(offset) + length <= copy.count ? Array(copy[Int(offset)..<Int(offset) + length]) : nil
      }
      _ = try? map?.entries()
    }
  }

  /// What a map's pages say that were never written by the library.
  enum Trick: CaseIterable {
    /// Each page leads two hundred times to the next one, the last to a leaf without pairs.
    case sharedPages
    /// All nodes of a page are one.
    case sharedNode
    /// Two nodes have one large value.
    case sharedValue
  }

  @Test(
    "pages, nodes and values that are met twice are damage, and no work without end",
    arguments: Trick.allCases
  )
  func shared(_ trick: Trick) throws {
    try map([("large", String(repeating: "v", count: 9000))])
    var bytes = try #require(try open("map").wholeContent())
    let size = 4096
    let first = bytes.count / size
    // One of the meta pages says where the root is, the other that there is none.
    let root = Int(min(MapBytes.number(bytes, 128), MapBytes.number(bytes, size + 128)))
    let value = try #require((2..<first).first { bytes[$0 * size + 10] == 4 })
    switch trick {
    case .sharedPages:
      for level in 0..<8 {
        let next = level == 7 ? root : first + level + 1
        let child = MapBytes.node(UInt64(next), flags: 0, key: [])
        bytes += MapBytes.page(.branch, [child], times: 200)
      }
    case .sharedNode, .sharedValue:
      let low = MapBytes.node(UInt64(root), flags: 0, key: [])
      let high = MapBytes.node(UInt64(first + 1), flags: 0, key: [0x61])
      bytes += MapBytes.page(.branch, [low, high])
      let node =
        trick == .sharedNode
        ? MapBytes.node(2000, flags: 0, key: [0x61]) + Array(repeating: 0x76, count: 2000)
        : MapBytes.node(9000, flags: 1, key: [0x61]) + MapBytes.integer(UInt64(value), 8)
      bytes += MapBytes.page(.leaf, [node], times: trick == .sharedNode ? 200 : 1)
    }
    for meta in [0, size] {
      bytes.replaceSubrange(meta + 128..<meta + 136, with: MapBytes.integer(UInt64(first), 8))
      bytes.replaceSubrange(meta + 136..<meta + 144, with: MapBytes.integer(1 << 39, 8))
    }
    let crafted = bytes
    let reads = Mutex(0)
    let map = try MapFile { offset, count in
      // An end, should there be none.
      guard
        reads.withLock({
          $0 += 1; return $0
        }) < 10_000, offset + UInt64(count) <= crafted.count
      else { return nil }
      return Array(crafted[Int(offset)..<Int(offset) + count])
    }
    #expect(throws: MapFile.Fault.damaged) { try map.entries() }
  }
}

/// Pages of a map, made by hand.
private enum MapBytes {
  enum Kind: UInt64 {
    case branch = 1
    case leaf = 2
  }

  static func integer(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  static func number(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
  }

  /// Without its value; `low` is the child of a branch, the value's length of a leaf.
  static func node(_ low: UInt64, flags: UInt64, key: [UInt8]) -> [UInt8] {
    integer(low, 4) + integer(flags, 2) + integer(UInt64(key.count), 2) + key
  }

  /// - Parameter times: how often the places of the nodes are told.
  static func page(_ kind: Kind, _ nodes: [[UInt8]], times: Int = 1) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    var end = bytes.count
    var places: [UInt8] = []
    for node in nodes {
      bytes.replaceSubrange(end - node.count..<end, with: node)
      end -= node.count
      places += integer(UInt64(end), 2)
    }
    places = Array(repeating: places, count: times).flatMap { $0 }
    bytes.replaceSubrange(10..<12, with: integer(kind.rawValue, 2))
    bytes.replaceSubrange(12..<14, with: integer(UInt64(16 + places.count), 2))
    bytes.replaceSubrange(16..<16 + places.count, with: places)
    return bytes
  }
}

private struct Splitter {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 16
  }
}

extension TableFile {
  fileprivate func wholeContent() -> [UInt8]? {
    var bytes: [UInt8] = []
    while let part = read(UInt64(bytes.count), 4096) { bytes += part }
    return bytes.isEmpty ? nil : bytes
  }
}
