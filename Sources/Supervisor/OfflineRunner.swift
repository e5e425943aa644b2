// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess

/// Has the offline directory looked through: when the service stands, whenever something was put there, and
/// again after a while when something was left.
struct OfflineRunner {
  /// When things are done, in milliseconds.
  enum Limits {
    /// After the start, and after something was put there: others may come with it.
    static let delay: Int64 = 1000
    /// After a round that left something, or failed.
    static let retry: Int64 = 60_000
    /// After any other round: not all that is put there is noticed.
    static let idle: Int64 = 900_000
    /// How long a round may take. It ends by itself before that.
    static let round: Int64 = 1_500_000
  }

  /// Readable when something was put there; -1: nobody tells, and a round is made now and then.
  let watch: CInt
  private let program: Program
  /// The program of the round that is made.
  private(set) var process: Int32?
  /// On the rising clock.
  private var due: Int64?
  /// When the round that is made is ended; nil once it was.
  private var deadline: Int64?

  /// - Parameter log: becomes the program's standard error.
  init(directory: String, program: Program, log: CInt) {
    var prepared = program
    prepared.descriptors = (-1, -1, log, -1)
    prepared.session = .own
    self.program = prepared
    // A path is read during the call only.
    watch = unsafe talaria_watch_directory(directory)
  }

  /// When a round is to begin, or the one that is made is to end; nil when there is nothing to do.
  var nextDeadline: Int64? { process == nil ? due : deadline }

  /// The service stands.
  mutating func serviceStands(now: Int64) { due = min(due ?? .max, now + Limits.delay) }

  /// The watching descriptor is readable.
  mutating func noticed(now: Int64) {
    talaria_drain_watch(watch)
    due = min(due ?? .max, now + Limits.delay)
  }

  /// Begins a round that is due, and ends one that takes too long. Returns what is wrong.
  mutating func startIfDue(now: Int64) -> String? {
    if let process, let deadline, deadline <= now {
      self.deadline = nil
      // With all that it has started, stopped or not.
      kill(-process, SIGKILL)
      return "a round took too long, and is ended"
    }
    guard process == nil, let due, due <= now else { return nil }
    do throws(SpawnError) {
      process = try program.start()
      deadline = now + Limits.round
      self.due = watch < 0 ? now + Limits.retry : nil
      return nil
    } catch {
      self.due = now + Limits.retry
      return "\(error.path): \(error.reason)"
    }
  }

  /// A child ended. Returns whether it was ours.
  mutating func ended(process: Int32, status: Int32, now: Int64) -> Bool {
    guard process == self.process else { return false }
    // Programs that it has started and not waited for send nothing any more.
    kill(-process, SIGKILL)
    self.process = nil
    deadline = nil
    due = min(due ?? .max, now + (status == 0 ? Limits.idle : Limits.retry))
    return true
  }

  /// The service ends.
  func end() {
    if let process { kill(-process, SIGKILL) }
  }
}
