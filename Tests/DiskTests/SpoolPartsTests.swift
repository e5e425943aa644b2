// SPDX-License-Identifier: ISC

import Mail
import Queue
import Testing

@testable import Disk

@Suite("The parts of a spool that all stores share")
struct SpoolPartsTests {
  private func id(_ number: UInt32) throws -> MessageID { try #require(MessageID(number)) }

  @Test("a staged body is durable once it is finished, and orphans are swept")
  func staging() throws {
    let disk = MemoryDisk()
    let stage = BodyStage(disk: disk)
    try stage.open()
    let body = try stage.begin(try id(1))
    try body.append([1, 2])
    try body.append([3])
    let content = try body.finish()
    #expect(content.size == 3 && content.checksum == Checksum.of([1, 2, 3]))
    let dropped = try stage.begin(try id(2))
    try dropped.append([9])
    dropped.discard()
    let orphan = try stage.begin(try id(3))
    try orphan.finish()
    let found = BodyStage(disk: disk.afterPowerCut(.nothing))
    #expect(try found.read(try id(1), from: 1, count: 9) == [2, 3])
    #expect(try found.size(of: try id(2)) == nil)
    let one = try id(1)
    #expect(try found.sweep { $0 == one } == 1)
    #expect(try found.size(of: try id(3)) == nil)
    #expect(throws: StoreError.absent) { try found.read(try id(3), from: 0, count: 1) }
    try found.remove(one)
    #expect(try found.size(of: one) == nil)
  }

  @Test("a staged body that may be a message's is not replaced, and not removed with the new one")
  func stagedTwice() throws {
    let stage = BodyStage(disk: MemoryDisk())
    try stage.open()
    let body = try stage.begin(try id(1), .kept)
    try body.append([1, 2])
    try body.finish()
    #expect(throws: StoreError.exists(try id(1))) { try stage.begin(try id(1), .kept) }
    #expect(try stage.read(try id(1), from: 0, count: 9) == [1, 2])
    try stage.begin(try id(1)).finish()
    #expect(try stage.size(of: try id(1)) == 0)
  }

  @Test("a full disk ends a body with its error")
  func full() throws {
    let disk = MemoryDisk()
    let stage = BodyStage(disk: disk)
    try stage.open()
    let body = try stage.begin(try id(1))
    disk.fault = .full
    #expect(throws: StoreError.full(path: "memory/staged/00000001")) { try body.append([1]) }
  }

  @Test("a reserve gives its space once, and is built again")
  func reserve() throws {
    let disk = MemoryDisk()
    var reserve = SpaceReserve(disk: disk, size: 1000)
    #expect(try reserve.build())
    #expect(disk.files()["reserve"]?.count == 1000)
    #expect(try reserve.release())
    #expect(try !reserve.release())
    #expect(disk.files().isEmpty)
    disk.reportedSpace.bytesAvailable = 10
    #expect(try !reserve.build())
    disk.reportedSpace.bytesAvailable = 1 << 39
    disk.fault = .full
    #expect(try !reserve.build())
    disk.fault = .none
    #expect(try reserve.build())
  }

  @Test(
    "nearly full is below five parts of a hundred, of blocks or of inodes, or below a floor",
    arguments: [
      (500, 500, nil, false), (49, 500, nil, true), (50, 500, nil, false), (500, 49, nil, true),
      (49, 500, 40, false), (39, 500, 40, true),
    ] as [(UInt64, UInt64, UInt64?, Bool)]
  )
  func floor(bytes: UInt64, inodes: UInt64, least: UInt64?, expected: Bool) {
    let space = DiskSpace(
      bytes: 1000,
      bytesAvailable: bytes,
      inodes: 1000,
      inodesAvailable: inodes
    )
    #expect(space.isNearlyFull(.init(bytesMin: least)) == expected)
  }
}
