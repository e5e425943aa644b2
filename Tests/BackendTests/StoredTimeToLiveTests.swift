// SPDX-License-Identifier: ISC

import MemoryStore
import Queue
import Testing

@Suite("How long envelopes live, as a store has it")
struct StoredTimeToLiveTests {
  private func written(_ wanted: StoredTimeToLive, to store: MemoryStore) throws -> Int {
    let changes = try wanted.changes(to: store)
    try store.apply(changes)
    return changes.count
  }

  @Test("is read as it was written, and written once")
  func roundTrip() throws {
    let store = MemoryStore()
    _ = try store.open()
    #expect(try StoredTimeToLive(from: store) == nil)
    var wanted = StoredTimeToLive(
      usual: .seconds(7),
      ofActions: ["a b": .seconds(5), "c": .seconds(9)]
    )
    #expect(try written(wanted, to: store) == 2)
    #expect(try StoredTimeToLive(from: store) == wanted)
    #expect(wanted["a b"] == .seconds(5) && wanted["a"] == .seconds(7))
    #expect(try written(wanted, to: store) == 0)
    wanted.ofActions = [:]
    #expect(try written(wanted, to: store) == 1)
    #expect(try StoredTimeToLive(from: store) == wanted)
    #expect(try store.setting(StoredTimeToLive.actionsSetting) == nil)
  }

  @Test("leaves out actions that have no room in a setting")
  func limit() throws {
    let store = MemoryStore()
    _ = try store.open()
    // A line of 64 bytes each.
    let names = (100..<300).map { "\($0)" + String(repeating: "x", count: 58) }
    let own = Dictionary(uniqueKeysWithValues: names.map { ($0, Duration.seconds(3)) })
    #expect(try written(StoredTimeToLive(usual: .seconds(7), ofActions: own), to: store) == 2)
    #expect(try store.setting(StoredTimeToLive.actionsSetting)?.count == 4096)
    let found = try #require(try StoredTimeToLive(from: store))
    #expect(found.ofActions.keys.sorted() == Array(names.prefix(64)))
  }

  @Test("is what other text does not say", arguments: ["", "0", "-1", "x", "7x"])
  func garbage(_ text: String) throws {
    let store = MemoryStore()
    _ = try store.open()
    try store.apply([.set(StoredTimeToLive.setting, Array(text.utf8))])
    #expect(try StoredTimeToLive(from: store) == nil)
    try store.apply([
      .set(StoredTimeToLive.setting, Array("7".utf8)),
      .set(StoredTimeToLive.actionsSetting, Array("\(text) a\nb\n\n5 c\n".utf8)),
    ])
    let wanted = StoredTimeToLive(usual: .seconds(7), ofActions: ["c": .seconds(5)])
    #expect(try StoredTimeToLive(from: store) == wanted)
  }
}
