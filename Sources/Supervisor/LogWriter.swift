// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
package import Interprocess
internal import Synchronization

/// Writes what all roles log, on a thread of its own, so that a terminal or a syslog that does not read
/// stops nobody but the log.
package final class LogWriter: Sendable {
  package enum Destination: Sendable {
    /// Descriptor 2, whole lines.
    case standardError
    /// syslog(3), facility mail.
    case syslog
  }

  private enum Limits {
    /// Of a role's pipe, in bytes.
    static let pipe: CInt = 1 << 20
    /// Of a line; a longer one is cut into several.
    static let line = 64 << 10
  }

  private let destination: Destination
  private let added = Mutex<[CInt]>([])
  private let wake: (read: CInt, write: CInt)

  package init(to destination: Destination) {
    self.destination = destination
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    precondition(unsafe talaria_pipe(&ends, 4096) == 0, "no pipe for the log")
    wake = (ends[0], ends[1])
    // openlog keeps the pointer: a literal lives for ever.
    if destination == .syslog { unsafe openlog("smtpd", LOG_PID | LOG_NDELAY, LOG_MAIL) }
  }

  /// A new pipe into the log: its writing end, which the caller hands on and closes.
  package func makePipe() -> Descriptor? {
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    guard unsafe talaria_pipe(&ends, Limits.pipe) == 0 else { return nil }
    added.withLock { $0.append(ends[0]) }
    _ = unsafe Glibc.write(wake.write, [UInt8(1)], 1)
    return Descriptor(owning: ends[1])
  }

  /// Starts the thread.
  package func start() {
    WorkThread.start { self.run() }
  }

  private func run() {
    var pipes: [CInt] = []
    var pending: [CInt: [UInt8]] = [:]
    var buffer = [UInt8](repeating: 0, count: Limits.line)
    while true {
      var watched = [pollfd(fd: wake.read, events: Int16(POLLIN), revents: 0)]
      watched += pipes.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      // The array is as long as its count says.
      guard unsafe poll(&watched, nfds_t(watched.count), -1) >= 0 else { continue }
      if watched[0].revents != 0 {
        _ = unsafe read(wake.read, &buffer, buffer.count)
        pipes += added.withLock { added in
          defer { added.removeAll() }
          return added
        }
      }
      for entry in watched.dropFirst() where entry.revents != 0 {
        let length = unsafe read(entry.fd, &buffer, buffer.count)
        if length > 0 {
          take(buffer[..<length], into: &pending[entry.fd, default: []])
        } else {
          write(pending.removeValue(forKey: entry.fd).map { $0.isEmpty ? [] : $0 + [0x0a] } ?? [])
          close(entry.fd)
          pipes.removeAll { $0 == entry.fd }
        }
      }
    }
  }

  /// Writes the whole lines and keeps the rest.
  private func take(_ bytes: ArraySlice<UInt8>, into pending: inout [UInt8]) {
    pending += bytes
    guard let end = pending.lastIndex(of: 0x0a) else {
      if pending.count >= Limits.line {
        write(pending + [0x0a])
        pending.removeAll()
      }
      return
    }
    write(Array(pending[...end]))
    pending.removeSubrange(...end)
  }

  private func write(_ lines: [UInt8]) {
    switch destination {
    case .standardError:
      var rest = lines[...]
      while !rest.isEmpty {
        let written = unsafe rest.withUnsafeBytes { bytes in
          unsafe Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
        guard written > 0 else {
          // Only somebody else's O_NONBLOCK on the terminal makes this happen.
          guard written < 0, errno == EAGAIN || errno == EINTR else { return }
          usleep(10_000)
          continue
        }
        rest = rest.dropFirst(written)
      }
    case .syslog:
      for line in lines.split(separator: 0x0a) {
        let text = String(decoding: line, as: UTF8.self)
        // The format is ours; the text is its one argument.
        unsafe text.withCString { text in
          unsafe withVaList([text]) { arguments in
            unsafe vsyslog(LogWriter.priority(of: line), "%s", arguments)
          }
        }
      }
    }
  }

  private static func priority(of line: ArraySlice<UInt8>) -> CInt {
    if line.starts(with: "fatal:".utf8) { return LOG_CRIT }
    if line.starts(with: "warn:".utf8) { return LOG_WARNING }
    if line.starts(with: "debug:".utf8) { return LOG_DEBUG }
    return LOG_INFO
  }
}
