// SPDX-License-Identifier: ISC

import Glibc
import Testing

@testable import Supervisor

@Suite("Command table", .serialized)
struct CommandTableTests {
  private static func shell(_ script: String) -> Program {
    var program = Program(path: "/bin/sh", arguments: ["sh", "-c", script])
    program.environment = ["PATH=/usr/bin:/bin"]
    return program
  }

  /// Waits for a command of the table: other tests have children, too.
  private static func reap(_ table: CommandTable) throws -> (process: Int32, status: Int32) {
    var status: CInt = 0
    let process = try #require(table.processes.first)
    // The status is written during the call only.
    #expect(unsafe waitpid(process, &status, 0) == process)
    return (process, status)
  }

  private static func readAll(_ descriptor: CInt) -> String {
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      // The buffer is as long as its count says.
      let length = unsafe read(descriptor, &buffer, buffer.count)
      guard length > 0 else { return String(decoding: text, as: UTF8.self) }
      text += buffer[..<length]
    }
  }

  private static func readLine(_ descriptor: CInt) -> String {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    // One byte at a time.
    while unsafe read(descriptor, &byte, 1) == 1, byte != 0x0a { line.append(byte) }
    return String(decoding: line, as: UTF8.self)
  }

  private static func write(_ text: String, to descriptor: CInt) {
    let bytes = Array(text.utf8)
    // The array is read during the call only.
    _ = unsafe Glibc.write(descriptor, bytes, bytes.count)
  }

  @Test("a command sees the end of its input only once the feeding side is done")
  func fed() throws {
    var table = CommandTable()
    let ends = try table.start(Self.shell("cat; echo end"), task: 1, now: 0)
    Self.write("hello ", to: ends[0])
    close(ends[0])
    var watched = pollfd(fd: ends[1], events: Int16(POLLIN), revents: 0)
    // One entry; it waits until there is output.
    #expect(unsafe poll(&watched, 1, -1) == 1)
    var first = [UInt8](repeating: 0, count: 64)
    // The buffer is as long as its count says.
    let length = unsafe read(ends[1], &first, first.count)
    #expect(String(decoding: first[..<max(0, length)], as: UTF8.self) == "hello ")
    table.fed(task: 1)
    #expect(Self.readAll(ends[1]) == "end\n")
    close(ends[1])
    let (process, status) = try Self.reap(table)
    #expect(status == 0)
    #expect(table.ended(process: process, status: status) == .task(1, status: status, unread: 0))
    #expect(table.isEmpty)
  }

  @Test(
    "a shell that can start no program fails for now, and no other status is another one",
    arguments: [
      (126, .shell, 75), (127, .shell, 75), (125, .shell, 125), (1, .shell, 1), (126, .none, 126),
      (127, .none, 127),
    ] as [(Int32, Program.Interpreter, Int32)]
  )
  func unstarted(_ code: Int32, _ interpreter: Program.Interpreter, _ told: Int32) throws {
    var table = CommandTable()
    var program = Self.shell("exit \(code)")
    program.interpreter = interpreter
    for end in try table.start(program, task: 1, now: 0) { close(end) }
    let (process, status) = try Self.reap(table)
    #expect(status == code << 8)
    let ending = table.ended(process: process, status: status)
    #expect(ending == .task(1, status: told << 8, unread: 0))
  }

  @Test(
    "a shell that misses a program once another has read everything fails for good: that one's work is done",
    arguments: [("cat > /dev/null", 127), ("true", 75)] as [(String, Int32)]
  )
  func missesLater(_ first: String, _ told: Int32) throws {
    var table = CommandTable()
    var program = Self.shell("\(first); exit 127")
    program.interpreter = .shell
    let ends = try table.start(program, task: 1, now: 0)
    Self.write("a message", to: ends[0])
    table.fed(task: 1)
    for end in ends { close(end) }
    let (process, status) = try Self.reap(table)
    let ending = table.ended(process: process, status: status)
    #expect(ending == .task(1, status: told << 8, unread: told == 75 ? 9 : 0))
  }

  @Test("when the feeding side dies, the command is killed before its input ends")
  func abandoned() throws {
    var table = CommandTable()
    let ends = try table.start(Self.shell("cat > /dev/null; echo whole"), task: 1, now: 0)
    Self.write("half", to: ends[0])
    close(ends[0])
    table.feederDied()
    #expect(Self.readAll(ends[1]) == "")
    close(ends[1])
    // The next feeding side numbers its tasks anew.
    let next = try table.start(Self.shell("exit 3"), task: 1, now: 0)
    for end in next { close(end) }
    var endings: [CommandTable.Ending] = []
    for _ in 0..<2 {
      let (process, status) = try Self.reap(table)
      let ending = table.ended(process: process, status: status)
      #expect(ending == .abandoned ? status & 0x7f == SIGKILL : status >> 8 == 3)
      endings.append(ending)
    }
    #expect(endings.contains(.abandoned) && endings.contains(.task(1, status: 3 << 8, unread: 0)))
    #expect(table.isEmpty)
  }

  @Test(
    "a command that has the whole message outlives its feeding side, and is ended when it is due"
  )
  func finishing() throws {
    let usual = (RoleTable.ServiceState.running, CommandTable.Limits.time)
    for (service, due) in [usual, (.stopping, 500 + CommandTable.Limits.lastWork)] {
      var table = CommandTable()
      let script = "cat >/dev/null; echo whole; sleep 1000"
      let ends = try table.start(Self.shell(script), task: 1, now: 0)
      close(ends[0])
      table.fed(task: 1)
      #expect(Self.readLine(ends[1]) == "whole")
      table.feederDied(service: service, now: 500)
      #expect(table.isFinishing(at: due - 1) && !table.isFinishing(at: due))
      #expect(table.nextDeadline == due && !table.isEmpty)
      #expect(table.endOverdue(at: due - 1).isEmpty)
      let process = try #require(table.processes.first)
      #expect(kill(process, 0) == 0)
      // Nobody waits for the task any more.
      #expect(table.endOverdue(at: due).isEmpty)
      let (ended, status) = try Self.reap(table)
      #expect(status & 0x7f == SIGKILL)
      #expect(table.ended(process: ended, status: status) == .abandoned)
      #expect(table.isEmpty && table.held.isEmpty && !table.isFinishing(at: 0))
      close(ends[1])
    }
  }

  @Test("a command that has the whole message ends in its own time, and all end with the service")
  func finished() throws {
    var table = CommandTable()
    let ends = try table.start(Self.shell("cat; exit 3"), task: 1, now: 0)
    close(ends[0])
    table.fed(task: 1)
    table.feederDied()
    let (process, status) = try Self.reap(table)
    #expect(status >> 8 == 3)
    #expect(table.ended(process: process, status: status) == .abandoned)
    close(ends[1])
    let others = try (2...3).map {
      try table.start(Self.shell("cat; sleep 1000"), task: $0, now: 0)
    }
    table.fed(task: 2)
    table.endAll()
    for ends in others { for end in ends { close(end) } }
    for _ in 2...3 {
      let (process, status) = try Self.reap(table)
      #expect(status & 0x7f == SIGKILL)
      #expect(table.ended(process: process, status: status) == .abandoned)
    }
    #expect(table.isEmpty)
  }

  @Test(
    "what a command left unread is told, whether or not its feeding was done",
    arguments: [true, false]
  )
  func unread(isFed: Bool) throws {
    var table = CommandTable()
    let ends = try table.start(Self.shell("read line; exit 0"), task: 1, now: 0)
    // The shell reads a line byte by byte.
    Self.write("one line\nand five", to: ends[0])
    if isFed { table.fed(task: 1) }
    close(ends[0])
    let (process, status) = try Self.reap(table)
    #expect(table.ended(process: process, status: status) == .task(1, status: status, unread: 8))
    // A process that another test starts just now has all descriptors until it runs its program.
    for _ in 0..<200 where !table.held.isEmpty {
      usleep(10_000)
      table.releaseHeld()
    }
    #expect(table.held.isEmpty)
    close(ends[1])
  }

  @Test(
    "what outlives its command never sees the end of an input that was cut off",
    arguments: [true, false]
  )
  func follower(isFeederDead: Bool) throws {
    var table = CommandTable()
    // The second shell leaves session and group, and reads on.
    let script =
      "exec 3<&0; setsid sh -c 'echo $$; cat >/dev/null; echo whole' <&3 3<&- & sleep 1000"
    let ends = try table.start(Self.shell(script), task: 1, now: 0)
    Self.write("half", to: ends[0])
    let follower = try #require(Int32(Self.readLine(ends[1])))
    close(ends[0])
    if isFeederDead { table.feederDied() } else { table.end(task: 1) }
    let (process, status) = try Self.reap(table)
    let ending = table.ended(process: process, status: status)
    #expect(isFeederDead ? ending == .abandoned : ending != .unknown)
    #expect(table.held.count == 1)
    table.releaseHeld()
    #expect(table.held.count == 1)
    kill(-follower, SIGKILL)
    // Both it and its `cat` are gone when the output ends, without a word about a whole message.
    #expect(Self.readAll(ends[1]) == "")
    close(ends[1])
    // A process closes what it has one after the other.
    for _ in 0..<200 where !table.held.isEmpty {
      usleep(10_000)
      table.releaseHeld()
    }
    #expect(table.held.isEmpty)
  }

  @Test("what runs too long is killed once, with all that it started")
  func overdue() throws {
    var table = CommandTable()
    let ends = try table.start(Self.shell("sleep 1000 & sleep 1000"), task: 5, now: 0)
    #expect(table.endOverdue(at: CommandTable.Limits.time - 1) == [])
    #expect(table.endOverdue(at: CommandTable.Limits.time) == [5])
    #expect(table.endOverdue(at: CommandTable.Limits.time) == [])
    #expect(table.nextDeadline == nil)
    // Both hold the output open: its end is theirs.
    #expect(Self.readAll(ends[1]) == "")
    for end in ends { close(end) }
    let (process, status) = try Self.reap(table)
    #expect(table.ended(process: process, status: status) == .task(5, status: status, unread: 0))
  }

  @Test("a program that takes no notice of its alarm is killed soon after")
  func deafToAlarm() throws {
    var table = CommandTable()
    var program = Self.shell("trap '' ALRM; while :; do sleep 1; done")
    program.limits.seconds = 2
    let ends = try table.start(program, task: 6, now: 100)
    #expect(table.nextDeadline == 2_100 + CommandTable.Limits.grace)
    #expect(table.endOverdue(at: 2_099 + CommandTable.Limits.grace) == [])
    #expect(table.endOverdue(at: 2_100 + CommandTable.Limits.grace) == [6])
    for end in ends { close(end) }
    let (process, status) = try Self.reap(table)
    #expect(status & 0x7f == SIGKILL)
    #expect(table.ended(process: process, status: status) == .task(6, status: status, unread: 0))
  }

  @Test("a program that cannot be started, and a task that runs, are refused")
  func refusals() throws {
    var table = CommandTable()
    #expect(throws: CommandRefusal.self) {
      try table.start(Program(path: "/nonexistent", arguments: ["x"]), task: 1, now: 0)
    }
    let ends = try table.start(Self.shell("exit 0"), task: 2, now: 0)
    #expect(throws: CommandRefusal.self) { try table.start(Self.shell("exit 0"), task: 2, now: 0) }
    for end in ends { close(end) }
    let (process, status) = try Self.reap(table)
    #expect(table.ended(process: process, status: status) == .task(2, status: status, unread: 0))
    #expect(table.ended(process: 1, status: 0) == .unknown)
  }
}
