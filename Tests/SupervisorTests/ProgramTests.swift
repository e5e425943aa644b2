// SPDX-License-Identifier: ISC

import Glibc
import Testing

@testable import Supervisor

@Suite("Programs and connections", .serialized)
struct ProgramTests {
  private static func shell(_ script: String) -> Program {
    var program = Program(path: "/bin/sh", arguments: ["sh", "-c", script])
    program.environment = ["PATH=/usr/bin:/bin"]
    return program
  }

  private static func wait(_ process: Int32) -> Int32 {
    var status: CInt = 0
    // The status is written during the call only.
    _ = unsafe waitpid(process, &status, 0)
    return status
  }

  @Test("a name is looked for in the directories given, and nowhere else")
  func search() throws {
    var program = Program(path: "true", arguments: ["true"])
    program.search = "/nonexistent:/usr/bin:/bin"
    #expect(Self.wait(try program.start()) == 0)
    program.search = "/nonexistent"
    let error = #expect(throws: SpawnError.self) { try program.start() }
    #expect(error?.reason == "No such file or directory")
    program.search = nil
    #expect(throws: SpawnError.self) { try program.start() }
  }

  @Test("a program that takes no notice of the time is ended by its alarm")
  func alarm() throws {
    var program = Self.shell("exec sleep 100")
    program.limits.seconds = 1
    #expect(Self.wait(try program.start()) & 0x7f == SIGALRM)
  }

  @Test("limits hold, and no core is written")
  func limits() throws {
    var program = Self.shell(
      "[ $(ulimit -n) = 99 ] && [ $(ulimit -t) = 7 ] && [ $(ulimit -c) = 0 ]"
    )
    program.limits.descriptors = 99
    program.limits.processorSeconds = 7
    #expect(Self.wait(try program.start()) == 0)
    var large = Self.shell(
      "head -c 100000 /dev/zero > /tmp/talaria-large.$$; s=$?; rm -f /tmp/talaria-large.$$; exit $s"
    )
    large.limits.fileBytes = 4096
    #expect(Self.wait(try large.start()) != 0)
  }

  @Test("a mailbox is made for its user before the program starts, and is left as it is later")
  func mailbox() throws {
    guard geteuid() == 0 else { return }
    var template = Array("/tmp/talaria-test-XXXXXX".utf8CString)
    // mkdtemp(3) changes the six letters in place.
    let made = unsafe mkdtemp(&template) != nil
    try #require(made)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // The strings live for the time of the calls.
    defer { _ = unsafe (unlink("\(path)/bob"), unlink("\(path)/link"), rmdir(path)) }
    _ = unsafe chmod(path, 0o755)
    var program = Self.shell("[ \"$(id -u):$(id -g)\" = 65534:65534 ] && echo x >> \(path)/bob")
    program.uid = 65534
    program.gid = 65534
    program.mailbox = Program.Mailbox(directory: path, name: "bob", group: 8)
    for _ in 0..<2 { #expect(Self.wait(try program.start()) == 0) }
    var status = stat()
    // Fills the local variable.
    let found = unsafe stat("\(path)/bob", &status)
    #expect(found == 0 && status.st_mode & 0o7777 == 0o660 && status.st_size == 4)
    #expect(status.st_uid == 65534 && status.st_gid == 8)
    // Nothing is made through a link.
    _ = unsafe symlink("\(path)/elsewhere", "\(path)/link")
    program.mailbox?.name = "link"
    #expect(Self.wait(try program.start()) == 0)
    #expect(unsafe access("\(path)/elsewhere", F_OK) != 0)
  }

  @Test("a connection is made, refused with what errno said, or abandoned")
  func connections() throws {
    var table = ConnectionTable()
    for (script, task) in [("exit 0", UInt64(1)), ("exit \(EACCES)", 2), ("kill -ALRM $$", 3)] {
      try table.start(Self.shell(script), task: task)
      let process = try #require(table.processes.first)
      let ending = table.ended(process: process, status: Self.wait(process))
      switch ending {
      case .connected(1, let socket): close(socket)
      case .failed(2, "Permission denied"), .failed(3, "the socket does not answer"): break
      default: Issue.record("\(ending as Any)")
      }
    }
    try table.start(Self.shell("sleep 100"), task: 4)
    let process = try #require(table.processes.first)
    table.endAll()
    #expect(table.ended(process: process, status: Self.wait(process)) == .abandoned)
    #expect(table.isEmpty && table.ended(process: process, status: 0) == nil)
  }
}
