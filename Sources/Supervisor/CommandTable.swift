// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess

/// The commands that run for local deliveries.
///
/// The supervisor keeps the writing end of each command's standard input until the feeding side has
/// said that everything was written; when the feeding side dies first, the command's process group is
/// killed *before* that end closes, so that no command takes a cut-off message for a whole one. What
/// it had started in a session of its own lives on; the end stays open for as long as that reads.
///
/// The reading end is kept, too: what is left in the pipe when the command has ended was read by nobody.
struct CommandTable {
  enum Limits {
    /// How long a command may run whose program sets itself no alarm, in milliseconds.
    static let time: Int64 = 305_000
    /// How long one may run on after its alarm.
    static let grace: Int64 = 5_000
    /// Commands at one time.
    static let running = 1024
    /// How long commands that have their whole message go on when the service stops, in milliseconds.
    static let lastWork: Int64 = 5_000
    /// Inputs that are kept open for what outlived its command; beyond it the oldest is closed.
    static let held = 64
    /// The exit status of what failed for now (sysexits.h).
    static let temporary: Int32 = 75
  }

  private struct Command {
    let task: UInt64
    let process: Int32
    /// When it is ended; `.max` once it was.
    var deadline: Int64
    /// -1 once the feeding side is done.
    var input: CInt
    /// The reading end of the input.
    let rest: CInt
    let interpreter: Program.Interpreter
  }

  /// Whose a child was that ended.
  enum Ending: Equatable {
    /// As waitpid says it; `unread` bytes of its input were read by nobody.
    case task(UInt64, status: Int32, unread: UInt32)
    /// A command of a feeding side that died.
    case abandoned
    /// No command.
    case unknown
  }

  private var commands: [UInt64: Command] = [:]
  /// The inputs of killed commands whose feeding side died, by process: open until the command is gone.
  private var abandoned: [Int32: CInt] = [:]
  /// Commands that had their whole message when the feeding side died, by process, and when each is
  /// ended.
  private var finishing: [Int32: Int64] = [:]
  /// Inputs that were cut off and are still read by what outlived its command; the oldest first.
  private(set) var held: [CInt] = []

  /// The next deadline, on the rising clock.
  var nextDeadline: Int64? {
    let deadlines = commands.values.map(\.deadline) + finishing.values
    return deadlines.filter { $0 != .max }.min()
  }

  /// The processes that have not ended.
  var processes: [Int32] { commands.values.map(\.process) + abandoned.keys + finishing.keys }

  var isEmpty: Bool { commands.isEmpty && abandoned.isEmpty && finishing.isEmpty }

  /// Whether a command of a dead feeding side is at its last work, and has time left for it.
  func isFinishing(at now: Int64) -> Bool { finishing.values.contains { now < $0 && $0 != .max } }

  /// Starts a program. Returns the descriptors for the feeding side, which the caller closes after it
  /// has sent them: the writing end of standard input, the reading end of the output.
  mutating func start(
    _ program: Program,
    task: UInt64,
    now: Int64
  ) throws(CommandRefusal) -> [CInt] {
    guard commands.count + abandoned.count + finishing.count < Limits.running else {
      throw CommandRefusal(reason: "too many commands are running")
    }
    guard commands[task] == nil else { throw CommandRefusal(reason: "it runs already") }
    let input = try CommandTable.pipe()
    let output: (read: CInt, write: CInt)
    do throws(CommandRefusal) {
      output = try CommandTable.pipe()
    } catch {
      for end in [input.read, input.write] { close(end) }
      throw error
    }
    // Before the start: a command without it could take a cut-off message for a whole one.
    let kept = fcntl(input.write, F_DUPFD_CLOEXEC, 0)
    guard kept >= 0 else {
      let reason = systemError()
      for end in [input.read, input.write, output.read, output.write] { close(end) }
      throw CommandRefusal(reason: "dup: \(reason)")
    }
    var prepared = program
    prepared.session = .own
    prepared.descriptors = (input.read, output.write, output.write, -1)
    do throws(SpawnError) {
      let process = try prepared.start()
      close(output.write)
      commands[task] = Command(
        task: task,
        process: process,
        deadline: now + CommandTable.time(of: program),
        input: kept,
        rest: input.read,
        interpreter: program.interpreter
      )
      return [input.write, output.read]
    } catch {
      for end in [input.read, input.write, output.read, output.write, kept] { close(end) }
      throw CommandRefusal(reason: "\(error.path): \(error.reason)")
    }
  }

  private static func pipe() throws(CommandRefusal) -> (read: CInt, write: CInt) {
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    guard unsafe talaria_pipe(&ends, 1 << 16) == 0 else {
      throw CommandRefusal(reason: "pipe: \(systemError())")
    }
    return (ends[0], ends[1])
  }

  /// The feeding side has written everything: the command may see the end of its input.
  mutating func fed(task: UInt64) {
    guard let command = commands[task], command.input >= 0 else { return }
    close(command.input)
    commands[task]?.input = -1
  }

  /// Ends the command and all of its session.
  func end(task: UInt64) {
    guard let command = commands[task] else { return }
    kill(-command.process, SIGKILL)
  }

  /// The feeding side died: whoever comes after it numbers its tasks anew. Commands that have the whole
  /// message go on, for a short while where the service stops: in the middle of their work they would leave
  /// half of it somewhere.
  mutating func feederDied(service: RoleTable.ServiceState = .running, now: Int64 = 0) {
    let last = service == .stopping ? now + Limits.lastWork : .max
    for command in commands.values {
      close(command.rest)
      if command.input < 0, command.deadline != .max {
        finishing[command.process] = min(command.deadline, last)
      } else {
        kill(-command.process, SIGKILL)
        abandoned[command.process] = command.input
      }
    }
    commands = [:]
  }

  /// Ends every command.
  mutating func endAll() {
    feederDied()
    for process in finishing.keys { kill(-process, SIGKILL) }
  }

  private static func time(of program: Program) -> Int64 {
    guard program.limits.seconds > 0 else { return Limits.time }
    return Int64(program.limits.seconds) * 1000 + Limits.grace
  }

  /// Kills what has run too long. Returns the tasks, as far as somebody waits for them.
  mutating func endOverdue(at now: Int64) -> [UInt64] {
    let overdue = commands.values.filter { $0.deadline <= now }.map(\.task)
    for task in overdue {
      end(task: task)
      commands[task]?.deadline = .max
    }
    for (process, deadline) in finishing where deadline <= now {
      kill(-process, SIGKILL)
      finishing[process] = .max
    }
    return overdue
  }

  /// A child ended, as waitpid says.
  mutating func ended(process: Int32, status: Int32) -> Ending {
    if let input = abandoned.removeValue(forKey: process) {
      kill(-process, SIGKILL)
      if input >= 0 { hold(input) }
      return .abandoned
    }
    if finishing.removeValue(forKey: process) != nil {
      kill(-process, SIGKILL)
      return .abandoned
    }
    guard let command = commands.values.first(where: { $0.process == process }) else {
      return .unknown
    }
    commands[command.task] = nil
    // What it left behind goes with it.
    kill(-process, SIGKILL)
    guard command.input >= 0 else {
      let unread = CommandTable.unread(command.rest)
      close(command.rest)
      // Somebody has read all of the message, and may have kept it.
      let told = unread == 0 ? status : CommandTable.told(status, by: command.interpreter)
      return .task(command.task, status: told, unread: unread)
    }
    // Nothing is written any more once that was the last reader.
    close(command.rest)
    let unread = CommandTable.unread(command.input)
    hold(command.input)
    let told = CommandTable.told(status, by: command.interpreter)
    return .task(command.task, status: told, unread: unread)
  }

  /// A shell that starts no program for the message has done nothing, as we have where we cannot start one: the mail waits.
  private static func told(_ status: Int32, by interpreter: Program.Interpreter) -> Int32 {
    guard interpreter == .shell, status == 126 << 8 || status == 127 << 8 else { return status }
    return Limits.temporary << 8
  }

  /// Bytes that are in a pipe; zero when nobody knows.
  private static func unread(_ end: CInt) -> UInt32 {
    var count: CInt = 0
    // The call writes one number.
    guard unsafe ioctl(end, UInt(FIONREAD), &count) == 0 else { return 0 }
    return UInt32(clamping: count)
  }

  /// An input that was cut off ends when nobody reads it: its end would look like that of the message.
  private mutating func hold(_ input: CInt) {
    held.append(input)
    releaseHeld()
    guard held.count > Limits.held else { return }
    close(held.removeFirst())
  }

  /// Closes the held inputs that nobody reads any more.
  mutating func releaseHeld() {
    held.removeAll { input in
      var watched = pollfd(fd: input, events: 0, revents: 0)
      // One entry. A pipe without readers is an error to its writer.
      guard unsafe poll(&watched, 1, 0) > 0 else { return false }
      close(input)
      return true
    }
  }
}
