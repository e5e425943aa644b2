// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

@Suite struct TableTests {
  @Test(
    "a table file is a list or a map",
    arguments: [
      ("", .list([])), ("# comment\n\n", .list([])), ("b\nA\n", .list(["a", "b"])),
      ("a x\nb y z\n", .map([.init(key: "a", value: "x"), .init(key: "b", value: "y z")])),
      ("a: x\n", .map([.init(key: "a", value: "x")])), ("a:x", .map([.init(key: "a", value: "x")])),
      ("a :  X \n", .map([.init(key: "a", value: "X")])),
      ("# @list\nsmtp://b:25\na b\n", .list(["a b", "smtp://b:25"])),
      ("#@list\na:b\n", .list(["a:b"])),
      ("[::1] x\n", .map([.init(key: "[::1]", value: "x")])),
      ("[::1]:25\n", .map([.init(key: "[::1]", value: "25")])),
      ("  a\t\r\n b\n", .list(["a", "b"])), ("a\nb c\n", .list(["a", "b c"])),
      ("a\na\n", .list(["a"])), ("a 1\na 2\n", .map([.init(key: "a", value: "2")])),
    ] as [(String, TableContents)]
  )
  func contents(_ text: String, _ expected: TableContents) throws {
    #expect(try TableContents(parsing: Array(text.utf8)) == expected)
  }

  @Test(
    "a file that is no table says where",
    arguments: [
      ("a b\nc\n", TableContents.Fault.valueMissing(line: 2, key: "c")),
      ("a b\n# x\nc:\n", .valueMissing(line: 3, key: "c")),
    ]
  )
  func faults(_ text: String, _ expected: TableContents.Fault) {
    #expect(throws: expected) { try TableContents(parsing: Array(text.utf8)) }
  }

  @Test("a key may be as long as its limit, and no longer")
  func keyLimit() throws {
    let longest = Array(repeating: UInt8(ascii: "a"), count: TableContents.Limits.key)
    #expect(try TableContents(parsing: longest).keys.count == 1)
    #expect(throws: TableContents.Fault.keyTooLong(line: 1)) {
      try TableContents(parsing: longest + longest)
    }
    let text = "# a\n\nA: 1\n b 2\na 3\n"
    #expect(TableContents.lines(in: Array(text.utf8)) == ["a": 5, "b": 4])
    #expect(TableContents.lines(in: Array("x y\nz\nx z".utf8)) == ["x": 1])
    #expect(throws: TableContents.Fault.notText(line: 1)) { try TableContents(parsing: [0xff]) }
  }

  @Test(
    "mail addresses fit their entries",
    arguments: [
      ("joe", "joe@any", true), ("joe", "joe+x@any", true), ("joe+x", "joe+x@any", true),
      ("joe+x", "joe@any", false), ("joe+x", "joe+y@any", false), ("JOE", "jOe@any", true),
      ("@example.org", "a@Example.ORG", true), ("@example.org", "a@sub.example.org", false),
      ("@*.example.org", "a@sub.example.org", true),
      ("joe@example.org", "joe+tag@example.org", true),
      ("joe@example.org", "jim@example.org", false), ("joe@*.org", "joe+a@example.org", true),
      ("joe@*.org", "jim@example.org", false), ("@", "a@b", true), ("joe@", "joe@x", true),
    ]
  )
  func addresses(_ entry: String, _ text: String, _ expected: Bool) throws {
    let set = AddressSet([entry], subaddressDelimiter: UInt8(ascii: "+"))
    #expect(set.contains(try Address(parsing: text)) == expected)
  }

  @Test("the null sender fits only the entry for everything")
  func nullSender() {
    let null = Address(local: "", domain: "")
    let delimiter = UInt8(ascii: "+")
    #expect(AddressSet(["@"], subaddressDelimiter: delimiter).contains(null))
    #expect(!AddressSet(["a", "@*", "@b"], subaddressDelimiter: delimiter).contains(null))
  }

  @Test(
    "sources fit their blocks",
    arguments: [
      ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.0.0.0", false),
      ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false), ("::/0", "::1", true),
      ("2001:db8::/32", "2001:db8::1", true), ("[2001:db8::]/32", "2001:db8::1", true),
      ("IPv6:::1", "::1", true), ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
      ("192.0.2.1", "192.0.2.1", true),
    ]
  )
  func networks(_ entry: String, _ text: String, _ expected: Bool) throws {
    var index = NetworkIndex(count: 1)
    index.replace(0, with: Self.networks([entry]))
    let source = try #require(IPAddress(parsing: text)).source
    #expect(index.tables(of: source) == (expected ? [0] : []))
    #expect(index.tables(of: .local) == [])
  }

  private static func networks(_ texts: [String]) -> NetworkIndex.Entries {
    var entries = NetworkIndex.Entries()
    for text in texts {
      let isAdmitted = entries.add(text)
      #expect(isAdmitted, "\(text)")
    }
    return entries
  }

  @Test("the token local stands for the submission socket, and nonsense is not admitted")
  func networkTokens() {
    var index = NetworkIndex(count: 1)
    var entries = Self.networks(["Local", "10.0.0.0/32", "local"])
    for text in ["x", "10.0.0.0/33"] {
      let isAdmitted = entries.add(text)
      #expect(!isAdmitted, "\(text)")
    }
    index.replace(0, with: entries)
    #expect(index.tables(of: .local) == [0])
  }

  @Test(
    "an address is found in every table that has a block with it, once, until the table changes"
  )
  func networksOfTables() {
    var index = NetworkIndex(count: 4)
    #expect(!index.isReady(0))
    for (table, entries) in [
      ["10.0.0.0/8", "10.0.0.1", "10.0.0.1"], ["10.0.0.1", "local"], ["10.0.0.1", "2001:db8::/32"],
    ].enumerated() { index.replace(table, with: Self.networks(entries)) }
    func found(_ source: SourceAddress) -> [Int] { index.tables(of: source).sorted() }
    #expect(found(.inet4(0x0a00_0001)) == [0, 1, 2])
    #expect(found(.inet4(0x0a00_0002)) == [0])
    #expect(found(.inet6(0x2001_0db8 << 32, 7)) == [2])
    index.replace(1, with: Self.networks(["10.0.0.2"]))
    #expect(found(.inet4(0x0a00_0001)) == [0, 2] && found(.inet4(0x0a00_0002)) == [0, 1])
    #expect(found(.local) == [])
    index.replace(0, with: nil)
    #expect(!index.isReady(0) && index.isReady(1))
    #expect(found(.inet4(0x0a00_0001)) == [2] && found(.inet4(0x0a00_0002)) == [1])
    index.replace(2, with: Self.networks([]))
    #expect(found(.inet4(0x0a00_0001)) == [] && found(.inet6(0x2001_0db8 << 32, 7)) == [])
  }

  @Test(
    "sub-addresses",
    arguments: [
      ("joe+x", "joe", "x"), ("joe+x+y", "joe", "x+y"), ("joe+", "joe", ""),
    ]
  )
  func subaddresses(_ local: String, _ user: String, _ tag: String) {
    let split = Subaddress.split(local, at: UInt8(ascii: "+"))
    #expect(split?.user == user && split?.tag == tag)
  }

  @Test("a hundred thousand lines are read and asked")
  func large() throws {
    var text = ""
    for number in 0..<100_000 { text += "user\(number)@example\(number % 100).org\n" }
    let contents = try TableContents(parsing: Array(text.utf8))
    let set = AddressSet(contents.keys, subaddressDelimiter: UInt8(ascii: "+"))
    #expect(set.contains(Address(local: "user99999+x", domain: "example99.org")))
    #expect(!set.contains(Address(local: "user99999", domain: "example98.org")))
  }
}
