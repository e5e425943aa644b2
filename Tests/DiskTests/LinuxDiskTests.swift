// SPDX-License-Identifier: ISC

import Testing

@testable import Disk

@Suite("The real disk")
struct LinuxDiskTests {
  @Test("it does what the one in memory does")
  func basics() throws {
    let temporary = try LinuxDisk(root: "/tmp")
    let name = "talaria-disk-\(UInt64.random(in: 0...UInt64.max))"
    try temporary.makeDirectory(name)
    defer { try? temporary.removeDirectory(name) }
    for disk in [try LinuxDisk(root: "/tmp/\(name)"), MemoryDisk()] as [any Disk] {
      try check(disk)
    }
  }

  private func check(_ disk: any Disk) throws {
    try disk.makeDirectory("d")
    #expect { try disk.makeDirectory("d") } throws: { ($0 as? DiskError)?.code == .exists }
    let file = try disk.open("d/a", .create)
    try disk.preallocate(file, size: 100_000)
    try disk.write([1, 2, 3], to: file, at: 99_999)
    #expect(try disk.size(of: file) == 100_002)
    #expect(try disk.read(file, at: 99_998, count: 10) == [0, 1, 2, 3])
    try disk.synchronize(file)
    try disk.synchronizeData(file)
    try disk.truncate(file, to: 5)
    #expect(try disk.lock(file) == .taken)
    let other = try disk.open("d/a", .write)
    #expect(try disk.lock(other) == .held)
    disk.close(other)
    disk.close(file)
    #expect { try disk.open("d/a", .create) } throws: { ($0 as? DiskError)?.code == .exists }
    #expect { try disk.open("d/b", .read) } throws: { ($0 as? DiskError)?.code == .absent }
    #expect { try disk.removeDirectory("d") } throws: { ($0 as? DiskError)?.code == .notEmpty }
    try disk.rename("d/a", to: "b")
    #expect(try disk.list("d").isEmpty)
    #expect(
      Set(try disk.list("")) == [
        DiskEntry(name: "b", kind: .file), DiskEntry(name: "d", kind: .directory),
      ]
    )
    #expect(try disk.facts("b")?.size == 5)
    #expect(try disk.facts("c") == nil)
    #expect(try disk.facts("")?.kind == .directory)
    try disk.synchronizeDirectory("")
    try disk.synchronizeAll()
    #expect(try disk.space().bytes > 0)
    try disk.unlink("b")
    try disk.removeDirectory("d")
  }

  @Test("no path leads out of the spool")
  func beneath() throws {
    let disk = try LinuxDisk(root: "/tmp")
    for path in ["../etc/passwd", "/etc/passwd", "../tmp/x"] {
      #expect(throws: DiskError.self) { try disk.open(path, .read) }
    }
    // A link of every Linux system, to a directory of the same disk.
    let devices = try LinuxDisk(root: "/proc")
    #expect(throws: DiskError.self) { try devices.open("self/status", .read) }
  }
}
