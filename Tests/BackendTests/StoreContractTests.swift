// SPDX-License-Identifier: ISC

import Mail
import Queue
import Testing

@Suite("Every store")
struct StoreContractTests {
  let spool: Spool

  init() throws { spool = try Spool() }

  @Test("is empty at first", arguments: Backend.allCases)
  func empty(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    #expect(try store.everything().isEmpty)
    #expect(try store.page(after: nil, limit: 1).next == nil)
    #expect(try store.verify(after: nil, limit: 1).next == nil)
    #expect(try store.quarantined().isEmpty)
    #expect(try store.setting("cursor") == nil)
    #expect(try store.envelope(try Sample.envelopeID(1)) == nil)
    #expect(throws: StoreError.absent) { try store.body(of: try Sample.id(1)) }
    #expect(store.statistics().messages == 0)
    try store.apply([])
    #expect(store.statistics().syncs == 0)
  }

  @Test("gives back what was inserted", arguments: Backend.allCases)
  func insert(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    let mail = try Sample.mail(7, envelopes: 3)
    try store.apply([.insert(mail)])
    let stored = try store.everything()
    #expect(stored.map(\.envelope) == mail.envelopes)
    #expect(stored.allSatisfy { $0.message == mail.message })
    #expect(try store.envelope(mail.envelopes[1].id)?.envelope == mail.envelopes[1])
    #expect(try store.body(of: mail.message.id) == Sample.body(7))
    let statistics = store.statistics()
    #expect(statistics.messages == 1)
    #expect(statistics.envelopes == 3)
    #expect(statistics.bodyBytes == 300)
  }

  @Test("holds an empty body", arguments: Backend.allCases)
  func emptyBody(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply([.insert(try Sample.mail(1, size: 0))])
    #expect(try store.body(of: try Sample.id(1)).isEmpty)
    #expect(try store.verifyAll().isEmpty)
  }

  @Test("reads a body in chunks of any size", arguments: Backend.allCases)
  func chunks(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply([.insert(try Sample.mail(1, size: 1000)), .insert(try Sample.mail(2))])
    let whole = Sample.body(1, size: 1000)
    for chunk in [1, 7, 999, 1000, 1001] {
      var read: [UInt8] = []
      while true {
        let part = try store.body(of: try Sample.id(1), from: read.count, count: chunk)
        read += part
        if part.count < chunk { break }
      }
      #expect(read == whole)
      #expect(try store.body(of: try Sample.id(2)) == Sample.body(2))
    }
    #expect(try store.body(of: try Sample.id(1), from: 2000, count: 10).isEmpty)
  }

  @Test("inserts all changes of a call or none", arguments: Backend.allCases)
  func atomic(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply([.insert(try Sample.mail(1))])
    #expect(throws: StoreError.self) {
      try store.apply([.insert(try Sample.mail(2)), .insert(try Sample.mail(1))])
    }
    #expect(throws: StoreError.absent) {
      try store.apply([.insert(try Sample.mail(3)), .add(try Sample.envelope(9))])
    }
    #expect(try store.everything().map(\.message.id) == [try Sample.id(1)])
    #expect(store.statistics().messages == 1)
    try store.apply([.insert(try Sample.mail(2))])
    #expect(store.statistics().messages == 2)
  }

  @Test(
    "refuses a message of a number that it has, and leaves the one that is there whole",
    arguments: Backend.allCases
  )
  func known(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    let old = try Sample.mail(1, envelopes: 2)
    try store.apply([.insert(old)])
    var other = try Sample.mail(1, envelopes: 3, size: 500)
    other.message.session.helo = "elsewhere.example.org"
    for number: UInt32 in 2...4 {
      #expect(throws: StoreError.exists(old.message.id)) {
        try store.apply([.insert(try Sample.mail(number)), .insert(other)])
      }
      let stored = try store.everything()
      #expect(stored.map(\.envelope) == old.envelopes)
      #expect(stored.allSatisfy { $0.message == old.message })
      #expect(try store.body(of: old.message.id) == Sample.body(1))
      #expect(try store.verifyAll().isEmpty)
      #expect(store.statistics().bodyBytes == 300)
      // fs: in the journal, then a file.
      guard number == 2, backend != .ram else { continue }
      try store.close(within: .seconds(10))
      _ = try store.open()
    }
    // It is not sealed.
    try store.apply([.insert(try Sample.mail(2))])
    #expect(store.statistics().messages == 2)
    // Unless that goes in the same call.
    try store.apply([.removeMessage(old.message.id), .insert(other)])
    #expect(try store.everything().filter { $0.message == other.message }.count == 3)
    #expect(try store.verifyAll().isEmpty)
  }

  @Test(
    "adds an envelope to a message, also in the call that brings it",
    arguments: Backend.allCases
  )
  func add(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply([.insert(try Sample.mail(1)), .add(try Sample.envelope(1, 5))])
    try store.apply([.add(try Sample.envelope(1, 3))])
    #expect(try store.everything().map(\.envelope.id.low) == [1, 3, 5])
    #expect(store.statistics().envelopes == 3)
  }

  @Test("updates an envelope as the update says", arguments: Backend.allCases)
  func update(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply([.insert(try Sample.mail(1, envelopes: 2))])
    let updates: [EnvelopeUpdate] = [
      .deferred(at: Instant(seconds: 5), status: nil, error: "no route"),
      .noticed(Instant(seconds: 6)),
      .suspended(.operatorPause),
      .reassigned(action: "elsewhere"),
      .crashed,
      .becameBounce(
        .failed,
        at: Instant(seconds: 7),
        lastTry: Instant(seconds: 6),
        status: nil,
        error: "given up"
      ),
    ]
    var expected = try Sample.envelope(1, 2)
    for update in updates {
      expected.apply(update)
      try store.apply([.update(expected.id, update)])
      #expect(try store.envelope(expected.id)?.envelope == expected, "\(update)")
    }
    let first = try Sample.envelopeID(1, 1)
    #expect(try store.envelope(first)?.envelope == (try Sample.envelope(1, 1)))
  }

  @Test("takes a change to what is not there for no error", arguments: Backend.allCases)
  func changesToNothing(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply([
      .update(try Sample.envelopeID(1), .crashed), .removeEnvelope(try Sample.envelopeID(1)),
      .removeMessage(try Sample.id(1)), .set("nothing", nil),
    ])
    #expect(store.statistics().envelopes == 0)
  }

  @Test("removes an envelope, and a message with what it has", arguments: Backend.allCases)
  func remove(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply((1...3).map { .insert(try Sample.mail($0, envelopes: 3)) })
    _ = try store.body(of: try Sample.id(2), from: 0, count: 10)
    try store.apply([
      .removeEnvelope(try Sample.envelopeID(1, 2)), .removeMessage(try Sample.id(2)),
    ])
    #expect(
      try store.everything().map(\.envelope.id) == [
        try Sample.envelopeID(1, 1), try Sample.envelopeID(1, 3), try Sample.envelopeID(3, 1),
        try Sample.envelopeID(3, 2), try Sample.envelopeID(3, 3),
      ]
    )
    #expect(throws: StoreError.absent) { try store.body(of: try Sample.id(2)) }
    #expect(store.statistics().messages == 2)
    #expect(store.statistics().envelopes == 5)
    #expect(store.statistics().bodyBytes == 600)
    #expect(try store.verifyAll().isEmpty)
  }

  @Test("pages in order, across what was removed meanwhile", arguments: Backend.allCases)
  func paging(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    let numbers: [UInt32] = [0xffff_ffff, 5, 0x8000_0000, 1, 0x7fff_ffff]
    try store.apply(numbers.map { .insert(try Sample.mail($0, envelopes: 2)) })
    let all = try store.everything(limit: 3).map(\.envelope.id)
    let expected = try numbers.sorted().flatMap { number in
      [try Sample.envelopeID(number, 1), try Sample.envelopeID(number, 2)]
    }
    #expect(all == expected)
    for limit in 1...11 { #expect(try store.everything(limit: limit).count == 10) }
    let whole = try store.everything(limit: 20)
    for limit in 1...11 { #expect(try store.everythingAsRecords(limit: limit) == whole) }

    let page = try store.page(after: nil, limit: 3)
    let next = try #require(page.next)
    try store.apply([.removeEnvelope(next), .removeMessage(try Sample.id(0x7fff_ffff))])
    #expect(try store.page(after: next, limit: 1).envelopes.map(\.envelope.id.low) == [2])
    let last = try Sample.envelopeID(0xffff_ffff, 0xffff_ffff)
    #expect(try store.page(after: last, limit: 1).envelopes.isEmpty)
  }

  @Test("holds a message of a thousand envelopes", arguments: Backend.allCases)
  func thousand(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply([.insert(try Sample.mail(1, envelopes: 1000)), .insert(try Sample.mail(2))])
    #expect(try store.everything(limit: 64).count == 1001)
    #expect(try store.verifyAll().isEmpty)
    try store.apply([.removeMessage(try Sample.id(1))])
    #expect(try store.everything().count == 1)
    #expect(store.statistics().envelopes == 1)
  }

  @Test("keeps settings", arguments: Backend.allCases)
  func settings(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply([.set("cursor", [1, 2]), .set("pauses", [])])
    #expect(try store.setting("cursor") == [1, 2])
    #expect(try store.setting("pauses") == [])
    try store.apply([.set("cursor", [UInt8](repeating: 9, count: 4096)), .set("pauses", nil)])
    #expect(try store.setting("cursor")?.count == 4096)
    #expect(try store.setting("pauses") == nil)
  }

  @Test("keeps fields of records that it does not know", arguments: Backend.allCases)
  func unknownFields(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    var mail = try Sample.mail(1)
    mail.message.unknownFields = [0x70, 2, 1, 2]
    mail.envelopes[0].unknownFields = [0x71, 1, 9]
    try store.apply([.insert(mail), .update(mail.envelopes[0].id, .crashed)])
    let stored = try #require(try store.envelope(mail.envelopes[0].id))
    #expect(stored.message.unknownFields == mail.message.unknownFields)
    #expect(stored.envelope.unknownFields == mail.envelopes[0].unknownFields)
  }

  @Test("finds nothing wrong with what it wrote", arguments: Backend.allCases)
  func verify(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply((1...5).map { .insert(try Sample.mail($0, envelopes: 2)) })
    let page = try store.verify(after: nil, limit: 3)
    #expect(page.messagesChecked == 3)
    #expect(page.envelopesChecked == 6)
    #expect(page.next == (try Sample.id(3)))
    let rest = try store.verify(after: page.next, limit: 3)
    #expect(rest.messagesChecked == 2)
    #expect(rest.next == nil)
    #expect(try store.verifyAll().isEmpty)
  }

  @Test("maintains itself to an end", arguments: Backend.allCases)
  func maintain(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    for start in 0..<20 {
      try store.apply((1...8).map { .insert(try Sample.mail(UInt32(start * 8 + $0), size: 4096)) })
    }
    var calls = 0
    while try store.maintain() == .more, calls < 1000 { calls += 1 }
    #expect(calls < 1000)
    #expect(try store.everything().count == 160)
  }
}
