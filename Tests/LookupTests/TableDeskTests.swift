// SPDX-License-Identifier: ISC

import AllocationCount
import Configuration
import Glibc
import Interprocess
import LMDBStore
import Mail
import NIOCore
import NIOEmbedded
import Policy
import Testing

@testable import Lookup

/// A desk whose loop turns when the test says so, and whose other thread does one thing when the test says so.
private final class TableDeskRig {
  private let loop = EmbeddedEventLoop()
  private let channels: (SupervisorChannel, SupervisorChannel)
  private let directory = TestDirectory()
  private let names = ["domains", "networks", "hosts"]
  private(set) var beside: [() -> Void] = []
  private var ruleset: Ruleset
  private let relays: RelayDesk
  private(set) var desk: TableDesk?
  /// What operators were told, in order.
  private(set) var told: [String] = []
  /// The tables that said something else, in order.
  private(set) var changed: [TableIndex] = []

  /// Rules that ask a text for domains and networks, and a relay that goes to the hosts of a map.
  init() throws {
    let domain = Rule.Test(table: TableIndex(0), comparison: .entries, sense: .holds)
    let network = Rule.Test(table: TableIndex(1), comparison: .entries, sense: .holds)
    var out = LookupProjection.Action(name: "out", kind: .relay)
    out.relayTables.hosts = TableIndex(2)
    let projection = LookupProjection(
      serverName: "mx.example",
      tables: [
        TableDeclaration(name: "domains", content: .file("/domains")),
        TableDeclaration(name: "networks", content: .file("/networks")),
        TableDeclaration(name: "hosts", content: .database("/hosts")),
      ],
      rules: [
        Rule(line: 1, source: .any(.holds), destination: .domain(domain), outcome: .action(0)),
        Rule(line: 2, source: .address(network), destination: .any(.holds), outcome: .reject),
      ],
      actions: [out]
    )
    channels = try SupervisorChannel.makePair()
    let context = RoleContext(
      role: .lookup,
      identity: RoleIdentity(root: nil, uid: nil, gid: nil, spool: "", owner: 0),
      loop: loop,
      log: Log(on: loop),
      channel: channels.0
    )
    ruleset = Ruleset(projection)
    relays = RelayDesk(context, projection)
    desk = TableDesk(
      context: context,
      tables: projection.tables,
      place: TableDesk.Place(
        current: { [unowned self] in
          LookupTables(ruleset: ruleset, relays: relays.directory)
        },
        replace: { [unowned self] (table, source) throws(Ruleset.RefusedEntry) in
          try ruleset.replace(table, with: source)
          relays.replace(table, with: source)
        },
        exchange: { [unowned self] table, other in
          swap(&ruleset, &other.ruleset)
          relays.exchange(&other.relays)
          changed.append(table)
        }
      ),
      beside: { [unowned self] in beside.append($0) }
    )
  }

  /// Writes the file of a table, and opens it.
  func file(_ name: String, _ lines: [String]) throws -> Descriptor {
    directory.write(name, name == "hosts" ? "" : lines.map { "\($0)\n" }.joined())
    let path = "\(directory.path)/\(name)"
    if name == "hosts" {
      let format = (key: MapFile.formatKey, value: Array(MapFile.formatValue(of: .set).utf8))
      let entries = lines.sorted().map { (key: Array($0.utf8), value: [UInt8]()) }
      try MapWriter.write([format] + entries, to: path)
    }
    // The path is read during the call only.
    let number = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
    try #require(number >= 0)
    return Descriptor(owning: number)
  }

  private func index(_ name: String) -> Int { names.firstIndex(of: name) ?? -1 }

  /// What the supervisor hands over at the start.
  func start(_ name: String, _ lines: [String]) throws {
    desk?.received(index: index(name), token: 0, try file(name, lines))
  }

  /// An operator says `update table`, for the `token`th time, and the supervisor opens the file.
  func update(_ name: String, token: UInt64, _ file: consuming Descriptor) {
    desk?.update(name) { [unowned self] in told.append("\(token) \($0)") }
    desk?.received(index: index(name), token: token, file)
  }

  /// Lets the other thread do what it was given first.
  func work() { beside.removeFirst()() }

  func turn() { loop.run() }

  /// What the supervisor has been asked and told since the last look.
  func messages() throws -> [String] {
    var messages: [String] = []
    while let (bytes, _) = try? channels.1.receive(.immediate) {
      var reader = ByteReader(bytes)
      messages.append("\(try RoleToSupervisor(decoding: &reader))")
    }
    return messages
  }

  func finish() {
    while !beside.isEmpty {
      work()
      turn()
    }
  }

  func decision(to domain: String, from source: UInt32 = 0x0a00_0001) -> Decision {
    ruleset.decide(
      RuleSubject(
        session: SessionFacts(
          id: SessionID(1),
          source: .inet4(source),
          serverName: "mx.example",
          helo: "c",
          hostname: "c"
        ),
        sender: nil,
        destination: Address(local: "x", domain: domain)
      )
    )
  }

  /// The host that the next delivery goes to.
  func host() -> String? {
    if case .relay(_, let facts) = relays.answer(1, "out", "d.example") { facts.host } else { nil }
  }
}

@Suite("Updates of tables")
struct TableDeskTests {
  /// What a turn of the loop may take and give back, in bytes, whatever the length of a table.
  private static let turn = 64 << 10
  private static let long = 100_000

  /// The lines of a table from a number on.
  private static func lines(_ name: String, from first: Int, _ count: Int) -> [String] {
    (first..<first + count).map {
      switch name {
      case "domains": "d\($0).example"
      case "networks": "10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)"
      default: "smtp://h\(1_000_000 + $0).example"
      }
    }
  }

  /// Which number a table begins with, as far as decisions tell: 0, so many, or neither.
  private static func first(_ name: String, _ rig: TableDeskRig) -> Int? {
    [0, long].first { number in
      switch name {
      case "domains":
        if case .action = rig.decision(to: "d\(number).example") { true } else { false }
      case "networks":
        rig.decision(to: "z.example", from: 0x0a00_0000 + UInt32(number)) == .reject(line: 2)
      default:
        // Any of its hosts may have its turn.
        rig.host().flatMap { Int($0.dropFirst("smtp://h1".utf8.count).prefix(6)) }
          .map { number..<number + long ~= $0 } ?? false
      }
    }
  }

  @Test(
    "what a long table says is made beside the loop, which answers from what was before; a turn exchanges it",
    arguments: ["domains", "networks", "hosts"]
  )
  func turns(_ name: String) throws {
    let rig = try TableDeskRig()
    for other in ["domains", "networks", "hosts"] { try rig.start(other, ["192.0.2.1"]) }
    #expect(Self.first(name, rig) == nil)
    // The second one gives back as much as it brings.
    for (token, number, before) in [(UInt64(1), 0, nil), (2, Self.long, 0)] as [(UInt64, Int, Int?)]
    {
      let file = try rig.file(name, Self.lines(name, from: number, Self.long))
      talaria_count_anew()
      rig.update(name, token: token, file)
      #expect(talaria_allocated_most() < Self.turn)
      #expect(rig.beside.count == 1)
      #expect(Self.first(name, rig) == before)
      talaria_count_anew()
      rig.work()
      #expect(talaria_allocated_most() > 8 * Self.long)
      #expect(Self.first(name, rig) == before)
      talaria_count_anew()
      rig.turn()
      #expect(talaria_allocated_most() < Self.turn)
      #expect(talaria_allocated_now() > -Self.turn)
      #expect(Self.first(name, rig) == number)
      #expect(rig.beside.count == 1)
      talaria_count_anew()
      rig.work()
      #expect((talaria_allocated_now() < -8 * Self.long) == (before != nil))
    }
    #expect(rig.told == ["1 done", "2 done"])
  }

  @Test("of two updates of one table that are under way the newer one counts, and of others both")
  func newer() throws {
    let rig = try TableDeskRig()
    rig.update("domains", token: 1, try rig.file("domains", ["old.example"]))
    rig.update("hosts", token: 2, try rig.file("hosts", ["smtp://a"]))
    rig.update("domains", token: 3, try rig.file("domains", ["new.example"]))
    #expect(rig.beside.count == 1)
    rig.finish()
    #expect(rig.decision(to: "old.example") == .lookupFailed(.table("networks")))
    if case .action = rig.decision(to: "new.example") {} else { Issue.record("the older counts") }
    #expect(rig.host() == "smtp://a")
    #expect(rig.told == ["1 done", "2 done", "3 done"])
    #expect(rig.changed.map(\.rawValue) == [0, 2, 0])
  }

  @Test("one that is of no use changes nothing, and does not stop the next one")
  func refused() throws {
    let rig = try TableDeskRig()
    try rig.start("networks", ["192.0.2.1"])
    rig.update("networks", token: 1, try rig.file("networks", ["10.0.0.1", "10.0.0.0/40"]))
    rig.update("domains", token: 2, try rig.file("domains", ["x.example"]))
    rig.finish()
    #expect(rig.told.count == 2 && rig.told[1] == "2 done")
    #expect(rig.told[0].contains("10.0.0.0/40"), "\(rig.told)")
    #expect(rig.changed.map(\.rawValue) == [0])
    #expect(rig.decision(to: "z.example", from: 0x0a00_0001) == .noRule)
    #expect(rig.decision(to: "z.example", from: 0xc000_0201) == .reject(line: 2))
  }

  @Test(
    "a file that changed is asked for once, however often it is told of, until it is taken or not"
  )
  func changed() throws {
    let rig = try TableDeskRig()
    try rig.start("hosts", ["smtp://a"])
    for _ in 0..<3 { rig.desk?.changed(index: 2) }
    #expect(try rig.messages() == ["openTable(index: 2, token: 1)"])
    let file = try rig.file("hosts", ["smtp://b"])
    rig.desk?.received(index: 2, token: 1, file)
    rig.desk?.changed(index: 2)
    #expect(try rig.messages() == [])
    rig.finish()
    #expect(try rig.messages() == ["tableTaken(index: 2, token: 1)"])
    #expect(rig.host() == "smtp://b")
    rig.desk?.changed(index: 2)
    #expect(try rig.messages() == ["openTable(index: 2, token: 2)"])
    rig.desk?.failed(index: 2, token: 2, reason: "everybody may write to it")
    rig.desk?.changed(index: 2)
    #expect(try rig.messages() == ["openTable(index: 2, token: 3)"])
    // A text is of no use in place of a map.
    rig.desk?.received(index: 2, token: 3, try rig.file("domains", ["x"]))
    rig.finish()
    #expect(try rig.messages() == ["tableRefused(token: 3)"])
    #expect(rig.host() == "smtp://b")
    #expect(rig.changed.map(\.rawValue) == [2])
    #expect(rig.told == [])
  }

  @Test("an operator whose table has changed as well is answered, and asks for himself")
  func changedAndUpdated() throws {
    let rig = try TableDeskRig()
    rig.update("hosts", token: 1, try rig.file("hosts", ["smtp://a"]))
    rig.desk?.changed(index: 2)
    #expect(try rig.messages() == ["openTable(index: 2, token: 1)"])
    rig.finish()
    rig.desk?.changed(index: 2)
    rig.update("hosts", token: 3, try rig.file("hosts", ["smtp://b"]))
    #expect(
      try rig.messages() == [
        "tableTaken(index: 2, token: 1)", "openTable(index: 2, token: 2)",
        "openTable(index: 2, token: 3)",
      ]
    )
    rig.finish()
    #expect(rig.told == ["1 done", "3 done"])
  }

  @Test("whose turn it is among the hosts of a relay stays, whatever table is updated")
  func relayTurns() throws {
    let rig = try TableDeskRig()
    try rig.start("hosts", ["smtp://a", "smtp://b", "smtp://c"])
    #expect(rig.host() == "smtp://a")
    rig.update("domains", token: 1, try rig.file("domains", ["x.example"]))
    #expect(rig.host() == "smtp://b")
    rig.finish()
    #expect(rig.host() == "smtp://c")
  }
}
