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
  }

  /// Readable when something was put there; -1: nobody tells, and a round is made now and then.
  let watch: CInt
  private let program: Program
  /// The program of the round that is made.
  private(set) var process: Int32?
  /// On the rising clock.
  private var due: Int64?

  /// - Parameter log: becomes the program's standard error.
  init(directory: String, program: Program, log: CInt) {
    var prepared = program
    prepared.descriptors = (-1, -1, log, -1)
    prepared.session = .own
    self.program = prepared
    // A path is read during the call only.
    watch = unsafe talaria_watch_directory(directory)
  }

  /// When a round is to begin; nil while one is made, and when there is nothing to do.
  var nextDeadline: Int64? { process == nil ? due : nil }

  /// The service stands.
  mutating func serviceStands(now: Int64) { due = min(due ?? .max, now + Limits.delay) }

  /// The watching descriptor is readable.
  mutating func noticed(now: Int64) {
    talaria_drain_watch(watch)
    due = min(due ?? .max, now + Limits.delay)
  }

  /// Begins a round that is due. Returns why it cannot.
  mutating func startIfDue(now: Int64) -> String? {
    guard process == nil, let due, due <= now else { return nil }
    do throws(SpawnError) {
      process = try program.start()
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
    if status != 0 { due = min(due ?? .max, now + Limits.retry) }
    return true
  }

  /// The service ends.
  func end() {
    if let process { kill(-process, SIGKILL) }
  }
}
