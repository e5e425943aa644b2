// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import TableStore
import Testing

@Suite("A store with damaged records")
struct StoreQuarantineTests {
  let spool: Spool

  init() throws { spool = try Spool() }

  /// A store that was closed with three messages of two envelopes each.
  private func prepared(_ backend: Backend) throws -> any Store {
    let store = try backend.opened(in: spool)
    try store.apply((1...3).map { .insert(try Sample.mail($0, envelopes: 2)) })
    try store.close(within: .seconds(1))
    return store
  }

  @Test("moves a flipped envelope aside and serves the rest", arguments: Backend.tabular)
  func envelope(backend: Backend) throws {
    let store = try prepared(backend)
    let id = try Sample.envelopeID(2, 1)
    try backend.flip(.envelopes, id.rawValue, at: 20, in: spool)
    _ = try store.open()
    #expect(try store.everything(limit: 2).count == 5)
    #expect(try store.envelope(id) == nil)
    let quarantined = try store.quarantined()
    #expect(quarantined.map(\.name) == ["envelope-0000000200000001"])
    #expect(quarantined[0].reason == "its checksum does not hold")
    #expect(quarantined[0].when == Spool.now)
    let content = try store.quarantinedContent(quarantined[0].name)
    #expect(content.count == quarantined[0].size)
    #expect(store.statistics().quarantined == 1)
    #expect(store.statistics().envelopes == 5)
    #expect(try store.reopen().quarantined == 1)
  }

  @Test(
    "keeps a message for its envelope in quarantine though all others are done",
    arguments: Backend.tabular
  )
  func lastOfTheReadable(backend: Backend) throws {
    let store = try prepared(backend)
    let id = try Sample.envelopeID(2, 1)
    try backend.flip(.envelopes, id.rawValue, at: 20, in: spool)
    _ = try store.open()
    #expect(try store.everything().count == 5)
    try store.apply([.removeMessage(id.message)])
    for limit in 1...5 {
      let rest = try store.everything(limit: limit).map(\.envelope.id.message.rawValue)
      #expect(rest == [1, 1, 3, 3])
      #expect(try store.everythingAsRecords(limit: limit).count == 4)
    }
    #expect(try store.quarantined().count == 1)
    #expect(store.statistics().envelopes == 4)
    #expect(try store.verifyAll().isEmpty)
    #expect(try store.reopen().quarantined == 1)
    try store.apply([.removeMessage(id.message)])

    let back = try store.restore(quarantined: "envelope-\(id)")
    #expect(back.envelopes == [id])
    #expect(try store.envelope(id) != nil)
    #expect(try store.body(of: id.message).isEmpty == false)
    #expect(try store.verifyAll().isEmpty)
    try store.apply([.removeMessage(id.message)])
    #expect(throws: StoreError.absent) { try store.body(of: id.message) }
    #expect(store.statistics().messages == 2)
    #expect(store.statistics().envelopes == 4)
  }

  @Test("gives no damaged record to those who do not look into it", arguments: Backend.tabular)
  func records(backend: Backend) throws {
    let store = try prepared(backend)
    try backend.flip(.envelopes, try Sample.envelopeID(2, 1).rawValue, at: 20, in: spool)
    try backend.flip(.messages, 3, at: 4, in: spool)
    _ = try store.open()
    #expect(
      try store.everythingAsRecords(limit: 4).map(\.envelope.id.message.rawValue) == [1, 1, 2]
    )
    let aside = try store.quarantined().map(\.name)
    #expect(aside.contains("envelope-0000000200000001") && aside.contains("message-00000003"))
  }

  @Test("moves an envelope aside that an update finds damaged", arguments: Backend.tabular)
  func update(backend: Backend) throws {
    let store = try prepared(backend)
    let id = try Sample.envelopeID(2, 1)
    try backend.flip(.envelopes, id.rawValue, at: 3, in: spool)
    _ = try store.open()
    try store.apply([.update(id, .crashed), .insert(try Sample.mail(9))])
    #expect(try store.quarantined().count == 1)
    #expect(try store.everything().count == 6)
  }

  @Test(
    "moves a message aside with all that it has, and brings it back",
    arguments: Backend.tabular
  )
  func message(backend: Backend) throws {
    let store = try prepared(backend)
    // A letter of a name: what it makes of the record can still be decoded.
    try backend.flip(.messages, 2, at: 4, in: spool)
    _ = try store.open()
    #expect(try store.everything(limit: 2).count == 4)
    #expect(
      try store.quarantined().map(\.name) == [
        "body-00000002", "envelope-0000000200000001", "envelope-0000000200000002",
        "message-00000002",
      ]
    )
    #expect(store.statistics().messages == 2)
    #expect(store.statistics().bodyBytes == 600)
    let back = try store.restore(quarantined: "envelope-0000000200000002")
    #expect(back.envelopes == [try Sample.envelopeID(2, 1), try Sample.envelopeID(2, 2)])
    #expect(back.doubtful == ["message 00000002"])
    #expect(try store.everything().count == 6)
    #expect(try store.body(of: try Sample.id(2)) == Sample.body(2))
    #expect(try store.quarantined().isEmpty)
    #expect(store.statistics().quarantined == 0)
    #expect(store.statistics().messages == 3)
    #expect(store.statistics().bodyBytes == 900)
    #expect(try store.verifyAll().isEmpty)
  }

  @Test("finds each kind of damage when it verifies", arguments: Backend.tabular)
  func verify(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply((1...8).map { .insert(try Sample.mail($0, envelopes: 2)) })
    try spool.stage([1, 2, 3], for: try Sample.id(9), backend)
    try store.apply([.insert(try Sample.staged(9, size: 4))])
    try store.close(within: .seconds(1))
    try backend.flip(.bodies, 1, at: 100, in: spool)
    try backend.drop(.bodies, 2, in: spool)
    try backend.drop(.messages, 3, in: spool)
    try backend.flip(.messages, 4, at: 0, in: spool)
    try backend.flip(.envelopes, try Sample.envelopeID(5, 2).rawValue, at: 9, in: spool)
    try backend.drop(.envelopes, try Sample.envelopeID(6, 1).rawValue, in: spool)
    try backend.drop(.envelopes, try Sample.envelopeID(6, 2).rawValue, in: spool)
    _ = try store.open()
    let findings = try store.verifyAll().map(\.record).sorted()
    #expect(
      findings == [
        "body 00000001", "body 00000003", "envelope 0000000300000001",
        "envelope 0000000300000002", "envelope 0000000500000002", "message 00000002",
        "message 00000004", "message 00000006", "message 00000009",
      ]
    )
    #expect(try store.verifyAll().isEmpty)
    #expect(try store.everything().map { $0.message.id.rawValue } == [5, 7, 7, 8, 8])
    let report = try store.reopen()
    #expect(report.orphansRemoved == 0, "the file of a message in quarantine stays")
  }

  @Test("refuses a damaged body, and whole ones with it in the store", arguments: Backend.tabular)
  func body(backend: Backend) throws {
    let store = try prepared(backend)
    try backend.flip(.bodies, 2, at: 299, in: spool)
    _ = try store.open()
    let error = #expect(throws: StoreError.self) { try store.body(of: try Sample.id(2)) }
    guard case .damaged = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try store.body(of: try Sample.id(3)) == Sample.body(3))
  }

  @Test("says of what it restores which checksums do not hold", arguments: Backend.tabular)
  func doubtful(backend: Backend) throws {
    let store = try prepared(backend)
    try backend.flip(.bodies, 2, at: 299, in: spool)
    try backend.drop(.messages, 3, in: spool)
    _ = try store.open()
    _ = try store.verifyAll()
    let back = try store.restore(quarantined: "message-00000002")
    #expect(back.envelopes == [try Sample.envelopeID(2, 1), try Sample.envelopeID(2, 2)])
    #expect(back.doubtful == ["body 00000002"])
    let warning = try #require(back.warning)
    #expect(warning.contains("smtpctl remove 00000002"))
    var body = Sample.body(2)
    body[299] ^= 0x10
    #expect(try store.body(of: try Sample.id(2)) == body)
    // What is put back counts as whole: it was for the operator to judge.
    #expect(try store.verifyAll().isEmpty)
  }

  @Test("finds damage beside damage, and says so when both are back", arguments: Backend.tabular)
  func twice(backend: Backend) throws {
    let store = try prepared(backend)
    try backend.flip(.messages, 2, at: 4, in: spool)
    try backend.flip(.bodies, 2, at: 299, in: spool)
    _ = try store.open()
    _ = try store.everything()
    let back = try store.restore(quarantined: "message-00000002")
    #expect(back.doubtful == ["body 00000002", "message 00000002"])
    #expect(try store.quarantined().isEmpty)
  }

  @Test("does not restore what cannot be read, and keeps it", arguments: Backend.tabular)
  func unreadable(backend: Backend) throws {
    let store = try prepared(backend)
    let id = try Sample.envelopeID(2, 1)
    try backend.flip(.envelopes, id.rawValue, at: 0, in: spool)
    _ = try store.open()
    _ = try store.everything()
    let name = "envelope-\(id)"
    #expect(throws: StoreError.self) { try store.restore(quarantined: name) }
    #expect(throws: StoreError.absent) { try store.restore(quarantined: "envelope-1") }
    #expect(throws: StoreError.absent) { try store.quarantinedContent("nothing") }
    #expect(try store.quarantined().map(\.name) == [name])
    // A second one of that name is kept beside it.
    try store.apply([.add(try Sample.envelope(2, 1))])
    try store.close(within: .seconds(1))
    try backend.flip(.envelopes, id.rawValue, at: 0, in: spool)
    _ = try store.open()
    _ = try store.everything()
    #expect(try store.quarantined().map(\.name) == [name, "\(name)-2"])
  }

  @Test("takes a damaged setting for none", arguments: Backend.tabular)
  func setting(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply([.set("pauses", [1, 2, 3])])
    try store.close(within: .seconds(1))
    try backend.damageSetting("pauses", in: spool)
    _ = try store.open()
    #expect(try store.setting("pauses") == nil)
    #expect(try store.quarantined().map(\.name) == ["setting-pauses"])
  }
}
