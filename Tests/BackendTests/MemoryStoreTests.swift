// SPDX-License-Identifier: ISC

import Mail
import Queue
import Testing

@testable import MemoryStore

@Suite("The memory store")
struct MemoryStoreTests {
  @Test("fails when it is told to, and changes nothing then")
  func failure() throws {
    let store = MemoryStore()
    _ = try store.open()
    store.failure = { changes in changes.count > 1 ? .full(path: "ram") : nil }
    #expect(throws: StoreError.full(path: "ram")) {
      try store.apply([.insert(try Sample.mail(1)), .insert(try Sample.mail(2))])
    }
    #expect(store.statistics().messages == 0)
    try store.apply([.insert(try Sample.mail(1))])
    #expect(store.statistics().messages == 1)
  }

  @Test("keeps the order of identifiers that come back")
  func order() throws {
    let store = MemoryStore()
    try store.apply([.insert(try Sample.mail(1, envelopes: 3))])
    for _ in 0..<3 {
      try store.apply([.removeEnvelope(try Sample.envelopeID(1, 2))])
      try store.apply([.add(try Sample.envelope(1, 2))])
    }
    #expect(try store.everything().map(\.envelope.id.low) == [1, 2, 3])
    for number: UInt32 in 2...200 {
      try store.apply([.insert(try Sample.mail(number)), .removeMessage(try Sample.id(number))])
    }
    #expect(try store.everything(limit: 1).count == 3)
  }
}
