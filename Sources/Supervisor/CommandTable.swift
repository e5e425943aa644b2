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
    /// How long a command may run, in milliseconds.
    static let time: Int64 = 300_000
    /// Commands at one time.
    static let running = 1024
  }

  private struct Command {
    let task: UInt64
    let process: Int32
    let deadline: Int64
    /// -1 once the feeding side is done.
    var input: CInt
  }

  private var commands: [UInt64: Command] = [:]

  /// The next deadline, on the rising clock.
  var nextDeadline: Int64? { commands.values.lazy.map(\.deadline).min() }

  var isEmpty: Bool { commands.isEmpty }

  /// Starts a program. Returns the descriptors for the feeding side, which the caller closes after it
  /// has sent them: the writing end of standard input, the reading end of the output.
  mutating func start(
    _ program: Program,
    task: UInt64,
    now: Int64
  ) throws(CommandRefusal) -> [CInt] {
    guard commands.count < Limits.running else {
      throw CommandRefusal(reason: "too many commands are running")
    }
    guard commands[task] == nil else { throw CommandRefusal(reason: "it runs already") }
    var input: [CInt] = [-1, -1]
    var output: [CInt] = [-1, -1]
    // Each call writes two numbers into an array of two.
    guard unsafe talaria_pipe(&input, 1 << 16) == 0 else {
      throw CommandRefusal(reason: "pipe: \(systemError())")
    }
    guard unsafe talaria_pipe(&output, 1 << 16) == 0 else {
      for end in input { close(end) }
      throw CommandRefusal(reason: "pipe: \(systemError())")
    }
    var prepared = program
    prepared.session = .own
    prepared.descriptors = (input[0], output[1], output[1], -1)
    do throws(SpawnError) {
      let process = try prepared.start()
      close(input[0])
      close(output[1])
      let kept = fcntl(input[1], F_DUPFD_CLOEXEC, 0)
      commands[task] = Command(
        task: task,
        process: process,
        deadline: now + Limits.time,
        input: kept
      )
      return [input[1], output[0]]
    } catch {
      for end in input + output { close(end) }
      throw CommandRefusal(reason: "\(error.path): \(error.reason)")
    }
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

  /// The feeding side died.
  func endAll() {
    for task in commands.keys { end(task: task) }
  }

  /// Kills what has run too long. Returns the tasks.
  func endOverdue(at now: Int64) -> [UInt64] {
    let overdue = commands.values.filter { $0.deadline <= now }.map(\.task)
    for task in overdue { end(task: task) }
    return overdue
  }

  /// A child ended. Returns the task that it was for, nil when it was for none.
  mutating func ended(process: Int32) -> UInt64? {
    guard let command = commands.values.first(where: { $0.process == process }) else { return nil }
    // What it left behind goes with it.
    kill(-process, SIGKILL)
    if command.input >= 0 { close(command.input) }
    commands[command.task] = nil
    return command.task
  }
}
