// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import StoreJournal
import Testing

@testable import FilesystemStore

@Suite("A message whose body is in a directory that cannot be used")
struct WithheldTests {
  private static let size = 3000
  private let path = SpoolTree.path(of: messageID(1))

  /// The checkpoint has moved the body of the first message, and not come to its end.
  private func spool() throws -> MemoryDisk {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(1, envelopes: 2, size: WithheldTests.size))])
    try store.apply([.insert(newMessage(2))])
    for directory in [SpoolTree.bucket(of: messageID(1)), path] {
      try disk.makeDirectory(directory)
    }
    try disk.rename("staged/00000001", to: "\(path)/message")
    for directory in ["", "queue", "queue/00", path, "staged"] {
      try disk.synchronizeDirectory(directory)
    }
    return disk.afterPowerCut(.nothing)
  }

  @Test(
    "waits in the journal, is listed and not served, and all else is",
    arguments: [Int32(13), 5, 20]
  )
  func waits(errno: Int32) throws {
    let disk = try spool()
    disk.refuseSearch(in: path, errno: errno)
    let store = makeStore(disk)
    let report = try store.open()
    let told = report.remarks.filter {
      $0.contains(path) && $0.contains("restore message-00000001")
    }
    #expect(told.count == 1, "\(report.remarks)")
    #expect(report.quarantined == 1)
    #expect(try store.quarantined().map(\.name) == ["message-00000001"])
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(2, 1)])
    #expect(try store.envelope(envelopeID(1, 1)) == nil)
    #expect(store.statistics().messages == 1 && store.statistics().envelopes == 1)
    // What is wrong with it is told, and nothing of it is moved or given up.
    let findings = try store.verify(after: nil, limit: 10).findings
    #expect(findings.map(\.record) == ["message 00000001"])
    #expect(try store.verify(after: nil, limit: 10).findings.isEmpty)
    #expect(store.journaledMessages == 2)
    #expect(throws: StoreError.exists(messageID(1))) {
      try store.apply([.insert(newMessage(1))])
    }
    try store.apply([.insert(newMessage(3)), .removeMessage(messageID(2))])
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(3, 1)])
    #expect(throws: StoreError.self) { try store.restore(quarantined: "message-00000001") }
    #expect(try store.quarantined().count == 1)
    #expect(try store.envelope(envelopeID(1, 1)) == nil)

    disk.refuseSearch(in: path, errno: nil)
    let ids = [envelopeID(1, 1), envelopeID(1, 2)]
    #expect(try store.restore(quarantined: "message-00000001").envelopes == ids)
    try expectWhole(store)
    #expect(store.statistics().messages == 2 && store.statistics().envelopes == 3)
    #expect(store.statistics().quarantined == 0)
    try store.close(within: .seconds(100))
    let again = makeStore(disk)
    _ = try again.open()
    try expectWhole(again)
  }

  @Test("survives stops and starts in between, and is served by the start that can see it")
  func restarts() throws {
    let disk = try spool()
    disk.refuseSearch(in: path, errno: 13)
    for _ in 0..<3 {
      let store = makeStore(disk)
      _ = try store.open()
      #expect(try store.envelope(envelopeID(1, 1)) == nil)
      // The checkpoint cannot go on.
      #expect(throws: StoreError.self) { try store.close(within: .seconds(100)) }
    }
    disk.refuseSearch(in: path, errno: nil)
    let store = makeStore(disk)
    #expect(try store.open().quarantined == 0)
    try expectWhole(store)
  }

  @Test("becomes files once it can, and is served when it is asked back")
  func files() throws {
    let disk = try spool()
    disk.refuseSearch(in: path, errno: 13)
    let store = makeStore(disk)
    _ = try store.open()
    disk.refuseSearch(in: path, errno: nil)
    #expect(try store.makeFiles(of: messageID(1)))
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(2, 1)])
    #expect(try store.verify(after: nil, limit: 10).messagesChecked == 1)
    #expect(try store.restore(quarantined: "message-00000001").envelopes.count == 2)
    try expectWhole(store)
    #expect(store.statistics().messages == 2 && store.statistics().envelopes == 3)
  }

  @Test("is withheld by a store that is opened again, too, and outcomes of it are recorded")
  func reopened() throws {
    let disk = try spool()
    let store = makeStore(disk)
    _ = try store.open()
    disk.refuseSearch(in: path, errno: 13)
    _ = try store.reopen()
    #expect(try store.envelope(envelopeID(1, 2)) == nil)
    try store.apply([.removeEnvelope(envelopeID(1, 1))])
    disk.refuseSearch(in: path, errno: nil)
    #expect(try store.restore(quarantined: "message-00000001").envelopes == [envelopeID(1, 2)])
    #expect(store.statistics().messages == 2 && store.statistics().envelopes == 2)
    disk.refuseSearch(in: path, errno: 13)
    _ = try store.reopen()
    try store.apply([.removeMessage(messageID(1))])
    #expect(try store.quarantined().isEmpty)
    #expect(store.statistics().messages == 1 && store.statistics().envelopes == 1)
  }

  private func expectWhole(_ store: FilesystemStore) throws {
    #expect(try allEnvelopes(store).keys.filter { $0.message == messageID(1) }.count == 2)
    let body = try store.body(of: messageID(1), from: 0, count: 2 * WithheldTests.size)
    #expect(body == makeBody(1, size: WithheldTests.size))
  }
}
