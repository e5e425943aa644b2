// SPDX-License-Identifier: ISC

import CLinux
import Glibc
import Interprocess
import Testing

@testable import Supervisor

@Suite("Programs that ask PAM") struct VerifierTableTests {
  private static func table(_ script: String) -> VerifierTable {
    var program = Program(path: "/bin/sh", arguments: ["sh", "-c", script])
    program.environment = ["PATH=/usr/bin:/bin"]
    return VerifierTable(program, log: STDERR_FILENO)
  }

  /// Waits for a program's end.
  private static func wait(_ process: Int32) -> Int32 {
    var status: CInt = 0
    // The status is written during the call only.
    _ = unsafe waitpid(process, &status, 0)
    return status
  }

  @Test("one has the other end of the socket as its input, and says something there")
  func answer() throws {
    var table = Self.table("read -r word; printf %s \"$word\" >&0")
    let channel = SupervisorChannel(descriptor: try table.start(now: 100))
    defer { channel.close() }
    #expect(table.nextDeadline == 100 + VerifierTable.Limits.time)
    // The shell reads a byte at a time, and what it leaves of a message is gone.
    for byte in "+\n".utf8 { try channel.send([byte], .blocking) }
    #expect(try channel.receive(.blocking)?.bytes == Array("+".utf8))
    #expect(throws: ChannelError.closed) { _ = try channel.receive(.blocking) }
    let process = try #require(table.processes.first)
    #expect(Self.wait(process) == 0)
    let isOurs = (table.ended(process: process), table.ended(process: process))
    #expect(isOurs == (true, false))
    #expect(table.nextDeadline == nil)
  }

  @Test("one that takes too long is ended with what it has started, once")
  func overdue() throws {
    var table = Self.table("sleep 600 & echo ready >&0; wait")
    let channel = SupervisorChannel(descriptor: try table.start(now: 0))
    defer { channel.close() }
    #expect(try channel.receive(.blocking)?.bytes == Array("ready\n".utf8))
    let early = table.endOverdue(at: VerifierTable.Limits.time - 1)
    let late = table.endOverdue(at: VerifierTable.Limits.time)
    let again = table.endOverdue(at: VerifierTable.Limits.time)
    #expect((early, late, again) == (0, 1, 0))
    #expect(Self.wait(try #require(table.processes.first)) == SIGKILL)
    // The sleeping one had the socket, too.
    #expect(throws: ChannelError.closed) { _ = try channel.receive(.blocking) }
  }

  @Test("there are so many at a time and no more, and without a program none")
  func bounds() throws {
    var table = Self.table("read -r word")
    var channels: [SupervisorChannel] = []
    for _ in 0..<VerifierTable.Limits.running {
      channels.append(SupervisorChannel(descriptor: try table.start(now: 0)))
    }
    #expect(throws: CommandRefusal.self) { _ = try table.start(now: 0) }
    let ended = table.endOverdue(at: VerifierTable.Limits.time)
    #expect(ended == VerifierTable.Limits.running)
    for process in table.processes {
      #expect(Self.wait(process) == SIGKILL)
      _ = table.ended(process: process)
    }
    for channel in channels { channel.close() }
    #expect(table.processes.isEmpty)
    var none = VerifierTable(nil, log: -1)
    #expect(throws: CommandRefusal.self) { _ = try none.start(now: 0) }
    var missing = VerifierTable(Program(path: "/nonexistent", arguments: ["x"]), log: -1)
    #expect(throws: CommandRefusal.self) { _ = try missing.start(now: 0) }
  }
}
