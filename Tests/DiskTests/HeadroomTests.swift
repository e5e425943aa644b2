// SPDX-License-Identifier: ISC

import Testing

@testable import Disk

@Suite("Zeros behind what is used of a file")
struct HeadroomTests {
  private static let path = "file"

  private func disk(holding bytes: [UInt8]) throws -> MemoryDisk {
    let disk = MemoryDisk()
    let file = try disk.open(HeadroomTests.path, .create)
    defer { disk.close(file) }
    try disk.write(bytes, to: file, at: 0)
    return disk
  }

  private func content(_ disk: MemoryDisk) throws -> [UInt8] {
    let file = try disk.open(HeadroomTests.path, .read)
    defer { disk.close(file) }
    return try disk.read(file, at: 0, count: 1 << 24)
  }

  @Test("are written once a step, and change nothing that is there")
  func steps() throws {
    let disk = try disk(holding: [1, 2, 3])
    var headroom = Headroom(path: HeadroomTests.path, step: 1000)
    headroom.keep(over: 10, on: disk)
    #expect(try content(disk) == [1, 2, 3] + [UInt8](repeating: 0, count: 1007))
    headroom.keep(over: 1010, on: disk)
    #expect(try content(disk).count == 1010)
    headroom.keep(over: 1011, on: disk)
    #expect(try content(disk).count == 2011)
  }

  @Test("leave a file that is long enough")
  func longEnough() throws {
    let disk = try disk(holding: [UInt8](repeating: 9, count: 5000))
    var headroom = Headroom(path: HeadroomTests.path, step: 1000)
    headroom.keep(over: 10, on: disk)
    #expect(try content(disk) == [UInt8](repeating: 9, count: 5000))
  }

  @Test("are not written where the disk has no room to spare, nor where there is no file")
  func noRoom() throws {
    let disk = try disk(holding: [1])
    disk.reportedSpace.bytes = 100_000
    disk.reportedSpace.bytesAvailable = UInt64(Headroom.stepsFree * 1000) - 1
    var headroom = Headroom(path: HeadroomTests.path, step: 1000)
    headroom.keep(over: 10, on: disk)
    #expect(try content(disk) == [1])
    var absent = Headroom(path: "absent", step: 1000)
    absent.keep(over: 10, on: disk)
    #expect(try disk.facts("absent") == nil)
  }
}
