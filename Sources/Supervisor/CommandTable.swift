// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess

/// The commands that run for local deliveries.
///
/// The supervisor keeps the writing end of each command's standard input until the feeding side has
/// said that everything was written; when the feeding side dies first, the command's process group is
/// killed *before* that end closes, so that no command takes a cut-off message for a whole one.
struct CommandTable {
  enum Limits {
    /// How long a command may run, in milliseconds: its own alarm rings before.
    static let time: Int64 = 305_000
    /// Commands at one time.
    static let running = 1024
  }

  private struct Command {
    let task: UInt64
    let process: Int32
    /// When it is ended; `.max` once it was.
    var deadline: Int64
    /// -1 once the feeding side is done.
    var input: CInt
  }

  /// Whose a child was that ended.
  enum Ending: Equatable {
    case task(UInt64)
    /// A command of a feeding side that died.
    case abandoned
    /// No command.
    case unknown
  }

  private var commands: [UInt64: Command] = [:]
  /// The inputs of killed commands whose feeding side died, by process: open until the command is gone.
  private var abandoned: [Int32: CInt] = [:]

  /// The next deadline, on the rising clock.
  var nextDeadline: Int64? {
    commands.values.lazy.map(\.deadline).filter { $0 != .max }.min()
  }

  /// The processes that have not ended.
  var processes: [Int32] { commands.values.map(\.process) + abandoned.keys }

  var isEmpty: Bool { commands.isEmpty && abandoned.isEmpty }

  /// Starts a program. Returns the descriptors for the feeding side, which the caller closes after it
  /// has sent them: the writing end of standard input, the reading end of the output.
  mutating func start(
    _ program: Program,
    task: UInt64,
    now: Int64
  ) throws(CommandRefusal) -> [CInt] {
    guard commands.count + abandoned.count < Limits.running else {
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
      close(input.read)
      close(output.write)
      commands[task] = Command(
        task: task,
        process: process,
        deadline: now + Limits.time,
        input: kept
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

  /// The feeding side died: whoever comes after it numbers its tasks anew.
  mutating func endAll() {
    for command in commands.values {
      kill(-command.process, SIGKILL)
      abandoned[command.process] = command.input
    }
    commands = [:]
  }

  /// Kills what has run too long. Returns the tasks.
  mutating func endOverdue(at now: Int64) -> [UInt64] {
    let overdue = commands.values.filter { $0.deadline <= now }.map(\.task)
    for task in overdue {
      end(task: task)
      commands[task]?.deadline = .max
    }
    return overdue
  }

  /// A child ended.
  mutating func ended(process: Int32) -> Ending {
    if let input = abandoned.removeValue(forKey: process) {
      kill(-process, SIGKILL)
      if input >= 0 { close(input) }
      return .abandoned
    }
    guard let command = commands.values.first(where: { $0.process == process }) else {
      return .unknown
    }
    // What it left behind goes with it.
    kill(-process, SIGKILL)
    if command.input >= 0 { close(command.input) }
    commands[command.task] = nil
    return .task(command.task)
  }
}
