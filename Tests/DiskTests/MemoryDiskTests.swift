// SPDX-License-Identifier: ISC

import Mail
import Queue
import Testing

@testable import Disk

@Suite("A disk in memory")
struct MemoryDiskTests {
  private func make(_ disk: MemoryDisk, _ path: String, _ bytes: [UInt8]) throws -> OpenFile {
    let file = try disk.open(path, .create)
    try disk.write(bytes, to: file, at: 0)
    return file
  }

  @Test("a file needs its own sync and its directory's")
  func durability() throws {
    let disk = MemoryDisk()
    try disk.makeDirectory("d")
    try disk.synchronizeDirectory("")
    let file = try make(disk, "d/a", [1, 2, 3])
    #expect(disk.afterPowerCut(.nothing).files() == [:])
    #expect(disk.afterPowerCut(.everything).files() == ["d/a": [1, 2, 3]])
    try disk.synchronizeData(file)
    #expect(disk.afterPowerCut(.nothing).files() == [:])
    try disk.synchronizeDirectory("d")
    #expect(disk.afterPowerCut(.nothing).files() == ["d/a": [1, 2, 3]])
    try disk.write([9], to: file, at: 1)
    #expect(disk.afterPowerCut(.nothing).files() == ["d/a": [1, 2, 3]])
    try disk.synchronizeAll()
    #expect(disk.afterPowerCut(.nothing).files() == ["d/a": [1, 9, 3]])
  }

  @Test("a rename is either done or not")
  func renames() throws {
    let disk = MemoryDisk()
    try disk.makeDirectory("d")
    let file = try make(disk, "a", [1])
    try disk.synchronizeData(file)
    try disk.synchronizeAll()
    try disk.rename("a", to: "d/b")
    for seed in 0..<20 as Range<UInt64> {
      #expect(disk.afterPowerCut(.chance(seed: seed)).files().count == 1)
    }
    try disk.synchronizeDirectory("d")
    #expect(disk.afterPowerCut(.nothing).files() == ["d/b": [1]])
  }

  @Test("a sync that fails loses what it was for, though it can be read")
  func failedSync() throws {
    let disk = MemoryDisk()
    let file = try make(disk, "a", [1, 2])
    try disk.synchronizeDirectory("")
    disk.fault = .failure(at: disk.operations + 1, errno: 5)
    #expect(throws: DiskError.self) { try disk.synchronizeData(file) }
    #expect(try disk.read(file, at: 0, count: 9) == [1, 2])
    try disk.synchronizeData(file)
    #expect(disk.afterPowerCut(.everything).files() == ["a": []])
  }

  @Test("after the power is cut nothing goes any more")
  func powerCut() throws {
    let disk = MemoryDisk()
    disk.fault = .powerCut(at: 2)
    try disk.makeDirectory("a")
    #expect(throws: DiskError.self) { try disk.makeDirectory("b") }
    #expect(throws: DiskError.self) { try disk.list("") }
    #expect(try disk.afterPowerCut(.everything).list("").count == 2)
  }
}
