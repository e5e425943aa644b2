// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import StoreJournal
import Testing

@testable import FilesystemStore

@Suite("The file operations, one by one")
struct TraceTests {
  @Test("accept, defer, deliver: one write and one sync each")
  func usual() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(1))])
    disk.clearTrace()
    try store.apply([.insert(newMessage(2)), .insert(newMessage(3, envelopes: 2))])
    try store.apply([
      .update(envelopeID(2, 1), .deferred(at: .epoch, status: nil, error: "later"))
    ])
    try store.apply([.removeEnvelope(envelopeID(3, 1))])
    try store.apply([.removeEnvelope(envelopeID(3, 2)), .removeMessage(messageID(3))])
    #expect(
      disk.trace == [
        "pwrite journal/00 512+1024", "fdatasync journal/00",
        "pwrite journal/00 1536+512", "fdatasync journal/00",
        "pwrite journal/00 2048+512", "fdatasync journal/00",
        "pwrite journal/00 2560+512", "fdatasync journal/00",
      ]
    )
  }

  @Test("a checkpoint of one message syncs its files and directories before it is forgotten")
  func checkpoint() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(0x0100_0001))])
    disk.clearTrace()
    store.journal.closeCurrent()
    try store.checkpointSlice()
    #expect(
      disk.trace == [
        "mkdir queue/01", "mkdir queue/01/01000001",
        "create queue/01/01000001/message", "pwrite queue/01/01000001/message 0+100",
        "fdatasync queue/01/01000001/message",
        "create queue/01/01000001/0100000100000001",
        "pwrite queue/01/01000001/0100000100000001 0+315",
        "fdatasync queue/01/01000001/0100000100000001",
        "fsync queue", "fsync queue/01", "fsync queue/01/01000001",
      ]
    )
    #expect(store.journaledMessages == 0)
    try store.apply([.removeMessage(messageID(0x0100_0001))])
    disk.clearTrace()
    store.journal.closeCurrent()
    try store.checkpointSlice()
    #expect(
      disk.trace == [
        "unlink queue/01/01000001/message", "unlink queue/01/01000001/0100000100000001",
        "rmdir queue/01/01000001", "fsync queue/01",
      ]
        || disk.trace == [
          "unlink queue/01/01000001/0100000100000001", "unlink queue/01/01000001/message",
          "rmdir queue/01/01000001", "fsync queue/01",
        ]
    )
  }

  @Test("an envelope that changed is replaced through a temporary file")
  func update() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(0x0100_0001, envelopes: 2))])
    store.journal.closeCurrent()
    try store.checkpointSlice()
    try store.apply([
      .update(envelopeID(0x0100_0001, 1), .noticed(Instant(seconds: 5))),
      .removeEnvelope(envelopeID(0x0100_0001, 2)),
    ])
    disk.clearTrace()
    store.journal.closeCurrent()
    try store.checkpointSlice()
    #expect(
      disk.trace == [
        "create incoming/envelope.tmp", "pwrite incoming/envelope.tmp 0+330",
        "fdatasync incoming/envelope.tmp",
        "rename incoming/envelope.tmp to queue/01/01000001/0100000100000001",
        "unlink queue/01/01000001/0100000100000002",
        "fsync queue/01/01000001",
      ]
    )
  }

  @Test(
    "who has only read closes without a write, whatever the journal has",
    arguments: [false, true]
  )
  func reader(isClean: Bool) throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(1, envelopes: 2)), .insert(newMessage(2))])
    try store.apply([.removeEnvelope(envelopeID(1, 2))])
    if isClean { try store.close(within: .seconds(100)) }
    let left = disk.afterPowerCut(.everything)
    let reader = makeStore(left)
    _ = try reader.open()
    left.clearTrace()
    #expect(try allEnvelopes(reader).count == 2)
    #expect(try reader.body(of: messageID(1), from: 0, count: 1000).count == 100)
    try reader.close(within: .zero)
    #expect(left.trace == [])
    #expect(try reader.open().recoveredChanges == (isClean ? 0 : 3))
    #expect(try allEnvelopes(reader).count == 2)
    #expect(reader.statistics().envelopes == 2)
  }

  @Test("what a reader has moved to quarantine counts no more at the next start")
  func readerOfDamage() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(1, envelopes: 2)), .insert(newMessage(2))])
    try store.close(within: .seconds(100))
    try disk.unlink(SpoolTree.bodyPath(of: messageID(1)))
    _ = try store.open()
    #expect(try allEnvelopes(store).count == 1)
    try store.close(within: .zero)
    _ = try store.open()
    #expect(store.statistics().messages == 1 && store.statistics().envelopes == 1)
  }
}
