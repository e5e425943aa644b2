// SPDX-License-Identifier: ISC

internal import Glibc
internal import Interprocess

/// Connections to local sockets that are being made for the delivering role, which sees no file system.
///
/// The socket is made here and handed to a short-lived program that becomes the user first and then
/// connects it: neither does the supervisor wait, nor does the far end take whoever asks for root.
struct ConnectionTable {
  /// What bounds them.
  enum Limits {
    /// Connections that are being made at one time.
    static let open = 64
    /// How long the far end may take, in seconds.
    static let seconds: UInt32 = 30
  }

  /// How a connection came about, or did not.
  enum Ending: Equatable {
    /// The connected socket, which is the caller's.
    case connected(task: UInt64, CInt)
    case failed(task: UInt64, reason: String)
    /// Of a delivering role that is gone.
    case abandoned
  }

  private struct Connecting {
    /// Nil: the delivering role is gone.
    var task: UInt64?
    let socket: CInt
  }

  private var connecting: [Int32: Connecting] = [:]

  var isEmpty: Bool { connecting.isEmpty }

  /// The programs that have not ended.
  var processes: [Int32] { Array(connecting.keys) }

  mutating func start(_ program: Program, task: UInt64) throws(CommandRefusal) {
    guard connecting.count < Limits.open else {
      throw CommandRefusal(reason: "too many connections are being made")
    }
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let number = socket(AF_UNIX, type, 0)
    guard number >= 0 else { throw CommandRefusal(reason: "socket: \(systemError())") }
    var prepared = program
    prepared.session = .own
    prepared.descriptors = (number, -1, -1, -1)
    prepared.limits.seconds = Limits.seconds
    do throws(SpawnError) {
      connecting[try prepared.start()] = Connecting(task: task, socket: number)
    } catch {
      close(number)
      throw CommandRefusal(reason: "\(error.path): \(error.reason)")
    }
  }

  /// The delivering role is gone.
  mutating func endAll() {
    for (process, entry) in connecting {
      kill(process, SIGKILL)
      if entry.task != nil { close(entry.socket) }
      connecting[process]?.task = nil
    }
  }

  /// A child ended; nil when it was none of ours.
  mutating func ended(process: Int32, status: Int32) -> Ending? {
    guard let entry = connecting.removeValue(forKey: process) else { return nil }
    guard let task = entry.task else { return .abandoned }
    guard status != 0 else { return .connected(task: task, entry.socket) }
    close(entry.socket)
    let signal = status & 0x7f
    let reason =
      signal == 0
      ? systemError((status >> 8) & 0xff)
      : signal == SIGALRM ? "the socket does not answer" : "terminated by signal \(signal)"
    return .failed(task: task, reason: reason)
  }
}
