// SPDX-License-Identifier: ISC

import Configuration
import Interprocess
import Mail
import NIOEmbedded
import Policy
import Testing

@testable import Lookup

/// A desk whose loop turns, and whose other thread works, when the test says so.
private final class ConfirmationRig {
  private let loop = EmbeddedEventLoop()
  private let channels: (SupervisorChannel, SupervisorChannel)
  private(set) var beside: [() -> Void] = []
  private var ruleset: Ruleset
  private(set) var desk: ConfirmationDesk?

  init() throws {
    var local = LookupProjection.Action(name: "in", kind: .local)
    local.aliases = .alias(TableIndex(0))
    let projection = LookupProjection(
      serverName: "mx.example",
      tables: [TableDeclaration(name: "aliases", content: .file("/aliases"))],
      rules: [
        Rule(line: 1, source: .any(.holds), destination: .any(.holds), outcome: .action(0))
      ],
      actions: [local]
    )
    channels = try SupervisorChannel.makePair()
    ruleset = Ruleset(projection)
    let context = RoleContext(
      role: .lookup,
      identity: RoleIdentity(root: nil, uid: nil, gid: nil, spool: "", owner: 0),
      loop: loop,
      log: Log(on: loop),
      channel: channels.0
    )
    desk = ConfirmationDesk(
      context,
      ruleset: { [unowned self] in ruleset },
      ask: { _, _ in false },
      beside: { [unowned self] in beside.append($0) }
    )
  }

  /// The table says from now on that `name` stands for a command.
  func update(_ command: String) throws {
    let pair = TableDeclaration.Pair(key: "name", value: "|\(command)")
    try ruleset.replace(TableIndex(0), with: .contents(.map([pair])))
    desk?.forget(TableIndex(0))
  }

  func confirm(_ command: String, token: UInt64) {
    desk?.confirm(.command(command, .alias), "in", token)
  }

  func work() { beside.removeFirst()() }

  func turn() { loop.run() }

  /// What the supervisor was told since the last look.
  func told() throws -> [String] {
    var told: [String] = []
    while let (bytes, _) = try channels.1.receive(.immediate) {
      var reader = ByteReader(bytes)
      switch try RoleToSupervisor(decoding: &reader) {
      case .confirmed(let token): told.append("\(token) confirmed")
      case .refuted(let token, _): told.append("\(token) refuted")
      case let other: told.append("\(other)")
      }
    }
    return told
  }
}

@Suite("What a table of aliases names")
struct ConfirmationDeskTests {
  @Test(
    "the table is read beside the loop, once for all who ask, and again when it says something else"
  )
  func beside() throws {
    let rig = try ConfirmationRig()
    try rig.update("/bin/one")
    rig.confirm("/bin/one", token: 1)
    rig.confirm("/bin/two", token: 2)
    #expect(rig.beside.count == 1)
    #expect(try rig.told() == [])
    rig.work()
    #expect(try rig.told() == [])
    rig.turn()
    #expect(try rig.told() == ["1 confirmed", "2 refuted"])
    // It is known now.
    rig.confirm("/bin/one", token: 3)
    #expect(rig.beside.count == 0)
    #expect(try rig.told() == ["3 confirmed"])
    try rig.update("/bin/two")
    rig.confirm("/bin/two", token: 4)
    #expect(rig.beside.count == 1)
    rig.work()
    rig.turn()
    #expect(try rig.told() == ["4 confirmed"])
  }

  @Test("what a table said before an update confirms nothing behind it")
  func stale() throws {
    let rig = try ConfirmationRig()
    try rig.update("/bin/one")
    rig.confirm("/bin/one", token: 1)
    rig.work()
    try rig.update("/bin/two")
    rig.turn()
    #expect(try rig.told() == [])
    #expect(rig.beside.count == 1)
    rig.work()
    rig.turn()
    #expect(try rig.told() == ["1 refuted"])
  }
}
