// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import Testing

@testable import FilesystemStore

@Suite("What a call of apply does")
struct ApplyTests {
  @Test("a workload leaves what the model says, after each step and after a clean stop")
  func model() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    var model = Model()
    for (index, batch) in script().enumerated() {
      try store.apply(batch)
      model.apply(batch)
      #expect(try model.difference(from: store) == nil, "step \(index)")
      _ = try store.maintain()
      #expect(try model.difference(from: store) == nil, "step \(index), maintained")
    }
    try store.close(within: .seconds(100))
    let again = makeStore(disk)
    let report = try again.open()
    #expect(report.recoveredChanges == 0)
    #expect(report.remarks == [])
    #expect(try model.difference(from: again) == nil)
  }

  @Test("a store that was never closed comes back from its journal")
  func recovery() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    var model = Model()
    for batch in script() {
      try store.apply(batch)
      model.apply(batch)
    }
    let again = makeStore(disk.afterPowerCut(.nothing))
    let report = try again.open()
    #expect(report.recoveredChanges > 0)
    #expect(report.quarantined == 0)
    #expect(try model.difference(from: again) == nil)
  }

  @Test("a message that leaves before a checkpoint never becomes a file")
  func noFile() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    for number in 1...60 {
      try store.apply([.insert(newMessage(UInt32(number), size: 900))])
      try store.apply([.removeMessage(messageID(UInt32(number)))])
    }
    #expect(!disk.trace.contains { $0.contains("queue/") })
    try store.close(within: .seconds(100))
    #expect(disk.files(below: "queue").isEmpty)
  }

  @Test("a message for more recipients than a file of the journal has room for gets one of its own")
  func large() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(1))])
    disk.fault = .full
    let error = #expect(throws: StoreError.self) {
      try store.apply([.insert(newMessage(2, envelopes: 200))])
    }
    guard case .full? = error else { throw error ?? .absent }
    disk.fault = .none
    #expect(try allEnvelopes(store).count == 1)
    try store.apply([
      .insert(newMessage(2, envelopes: 200)), .insert(newMessage(3)),
      .insert(newMessage(70, envelopes: 120)), .insert(newMessage(71, envelopes: 300)),
    ])
    #expect(try allEnvelopes(store).count == 622)
    func largest() -> Int {
      disk.files(below: FilesystemStore.journalDirectory).values.map(\.count).max() ?? 0
    }
    #expect(largest() > smallLimits().segmentBytes)

    let again = makeStore(disk.afterPowerCut(.nothing))
    _ = try again.open()
    #expect(try allEnvelopes(again).count == 622)
    #expect(try again.verify(after: nil, limit: 10).findings.isEmpty)

    for number in 4...60 { try store.apply([.insert(newMessage(UInt32(number), size: 300))]) }
    #expect(largest() == smallLimits().segmentBytes)
    #expect(try allEnvelopes(store).count == 679)
  }

  @Test("what cannot be is refused, and nothing of the call is done")
  func refused() throws {
    let store = makeStore(MemoryDisk())
    _ = try store.open()
    try store.apply([.insert(newMessage(7))])
    #expect(throws: StoreError.self) {
      try store.apply([.insert(newMessage(8)), .insert(newMessage(7))])
    }
    #expect(throws: StoreError.absent) { try store.apply([.add(makeEnvelope(99, 1))]) }
    #expect(try allEnvelopes(store).count == 1)
    try store.apply([.removeMessage(messageID(99)), .removeEnvelope(envelopeID(98, 1))])
    try store.apply([.insert(newMessage(8))])
    #expect(try allEnvelopes(store).count == 2)
  }

  @Test("a large body goes by the stage, and its file becomes the message's")
  func staged() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    let content = makeBody(5, size: 3000)
    try store.apply([.insert(newMessage(5, size: 3000))])
    #expect(disk.files(below: "staged").count == 1)
    #expect(try store.body(of: messageID(5), from: 10, count: 20) == Array(content[10..<30]))
    try store.close(within: .seconds(100))
    #expect(disk.files(below: "staged").isEmpty)
    let again = makeStore(disk)
    _ = try again.open()
    #expect(try again.body(of: messageID(5), from: 0, count: 5000) == content)
    try again.apply([.insert(newMessage(6, size: 3000))])
    try again.apply([.removeMessage(messageID(6)), .removeMessage(messageID(5))])
    #expect(disk.files(below: "staged").isEmpty)
    #expect(throws: StoreError.absent) { try again.body(of: messageID(5), from: 0, count: 1) }
  }

  @Test("a failed sync seals the store until it is opened again, and what failed stays away")
  func sealed() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(1))])
    disk.fault = .failure(at: disk.operations + 2, errno: 5)
    #expect(throws: StoreError.self) { try store.apply([.insert(newMessage(2))]) }
    #expect(throws: StoreError.sealed(path: "memory")) {
      try store.apply([.insert(newMessage(3))])
    }
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(1, 1)])
    _ = try store.reopen()
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(1, 1)])
    try store.apply([.insert(newMessage(4))])
    for survival in [MemoryDisk.Survival.nothing, .everything] {
      let again = makeStore(disk.afterPowerCut(survival))
      let report = try again.open()
      #expect(report.quarantined == 0 && report.remarks.count == 1)
      #expect(try allEnvelopes(again).keys.sorted() == [envelopeID(1, 1), envelopeID(4, 1)])
    }
  }
}
