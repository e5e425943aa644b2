// SPDX-License-Identifier: ISC

internal import Glibc
internal import Interprocess

/// The programs that ask PAM about one password each, outside the promises of any role.
///
/// The supervisor starts them and never sees what they are asked: accounts is handed the other end of
/// their socket. They end by themselves, with all that modules have started, when they have answered, when
/// that socket closes, or when time is up; a program that does not is ended here.
struct VerifierTable {
  /// What bounds them.
  enum Limits {
    /// Programs at one time.
    static let running = 32
    /// How long each may take, in milliseconds: more than it gives itself, less than a client waits.
    static let time: Int64 = 18_000
    /// Until the program's own alarm ends it, in seconds, should the supervisor be gone.
    static let seconds: UInt32 = 30
    /// Descriptors of a program and of all that modules start.
    static let descriptors: UInt64 = 256
  }

  private let program: Program?
  /// When each is ended, on the rising clock; `.max` once it was.
  private var deadlines: [Int32: Int64] = [:]

  /// - Parameters:
  ///   - program: nil: nobody is asked.
  ///   - log: becomes the program's standard error.
  init(_ program: Program?, log: CInt) {
    self.program = program.map {
      var prepared = $0
      prepared.descriptors = (-1, -1, log, -1)
      prepared.session = .own
      prepared.limits.seconds = Limits.seconds
      prepared.limits.descriptors = Limits.descriptors
      return prepared
    }
  }

  /// When the next one is ended; nil when there is none.
  var nextDeadline: Int64? { deadlines.values.lazy.filter { $0 != .max }.min() }

  /// The programs that have not ended.
  var processes: [Int32] { Array(deadlines.keys) }

  /// Starts one. Returns the asker's end of its socket, which the caller closes.
  mutating func start(now: Int64) throws(CommandRefusal) -> CInt {
    guard var program else { throw CommandRefusal(reason: "PAM is not to be asked") }
    guard deadlines.count < Limits.running else {
      throw CommandRefusal(reason: "PAM is asked about too many users")
    }
    do throws(ChannelError) {
      let (ours, theirs) = try SupervisorChannel.makePair()
      defer { theirs.close() }
      program.descriptors.0 = theirs.descriptor
      do throws(SpawnError) {
        deadlines[try program.start()] = now + Limits.time
      } catch {
        ours.close()
        throw ChannelError.failed("\(program.arguments[0]): \(error.reason)")
      }
      return ours.descriptor
    } catch {
      if case .failed(let reason) = error { throw CommandRefusal(reason: reason) }
      throw CommandRefusal(reason: "\(error)")
    }
  }

  /// Ends those that take too long, with their process groups. Returns how many.
  mutating func endOverdue(at now: Int64) -> Int {
    let overdue = deadlines.filter { $0.value <= now }.keys
    for process in overdue {
      kill(-process, SIGKILL)
      deadlines[process] = .max
    }
    return overdue.count
  }

  /// A child ended. Returns whether it was one of these.
  mutating func ended(process: Int32) -> Bool { deadlines.removeValue(forKey: process) != nil }
}
