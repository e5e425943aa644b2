// SPDX-License-Identifier: ISC

import CLinux
import Glibc
import Mail

/// The system calls that `smtpctl` needs: the only file of it that touches C.
enum SystemCalls {
  /// Connects to the daemon.
  static func connect(to path: String) throws(CommandFailure) -> Transport {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw .failed("socket: \(explanation(errno))") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
      throw .failed("\(path): the path of a socket may not be that long")
    }
    // The bytes and a final zero fit: checked above; the rest of the structure is zero.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
      unsafe target.copyBytes(from: bytes)
    }
    // The structure outlives the call, and its length is told.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe Glibc.connect(descriptor, generic, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      let reason = errno
      close(descriptor)
      switch reason {
      case ENOENT, ECONNREFUSED, ENOTDIR: throw .unreachable
      case EACCES, EPERM: throw .forbidden
      default: throw .failed("\(path): \(explanation(reason))")
      }
    }
    return Transport(
      send: { bytes throws(CommandFailure) in
        switch writeAll(bytes, to: descriptor) {
        case 0: return
        case EPIPE, ECONNRESET: throw .ended
        case let reason: throw .failed("sending to the daemon: \(explanation(reason))")
        }
      },
      receive: { () throws(CommandFailure) in try receive(from: descriptor) }
    )
  }

  private static func receive(from descriptor: Int32) throws(CommandFailure) -> [UInt8] {
    var reason: Int32 = 0
    // The initializer gives room for the capacity that the call is told.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 256 * 1024) { buffer, count in
      var received = 0
      repeat {
        received = unsafe read(descriptor, buffer.baseAddress, buffer.count)
      } while received < 0 && errno == EINTR
      if received < 0 { reason = errno }
      count = max(0, received)
    }
    guard reason == 0 || reason == ECONNRESET else {
      throw .failed("receiving from the daemon: \(explanation(reason))")
    }
    return bytes
  }

  /// A sink for `Output` over a descriptor.
  static func writeOutput(_ bytes: [UInt8], to descriptor: Int32) throws(Output.Failure) {
    switch writeAll(bytes, to: descriptor) {
    case 0: return
    case EPIPE, ECONNRESET: throw .closed
    case let reason: throw .failed(explanation(reason))
    }
  }

  /// Writes all the bytes. Returns 0 or the error's number.
  static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    // The pointer is used within the closure only, and within the buffer's bounds.
    unsafe bytes.withUnsafeBytes { buffer in
      var offset = 0
      while offset < buffer.count {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[offset...])
        let written = unsafe write(descriptor, rest.baseAddress, rest.count)
        if written > 0 {
          offset += written
        } else if errno != EINTR {
          return errno
        }
      }
      return 0
    }
  }

  /// Standard input to its end; nil when it cannot be read, or is longer.
  static func readInput(atMost limit: Int) -> [UInt8]? {
    var content: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      // The array is as long as the count says.
      let count = unsafe read(STDIN_FILENO, &part, part.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0, content.count + count <= limit else { return nil }
      guard count > 0 else { return content }
      content += part[..<count]
    }
  }

  /// A line or several on standard error, as far as it can be written.
  static func report(_ text: String) {
    _ = writeAll(
      Array(text.visible(keeping: "\n\t").utf8) + [UInt8(ascii: "\n")],
      to: STDERR_FILENO
    )
  }

  /// Writes text on standard error as it is; nil when that is no terminal.
  static var terminal: ((String) -> Void)? {
    guard isatty(STDERR_FILENO) == 1 else { return nil }
    return { text in _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }
  }

  /// A standard descriptor that was closed does not become a socket or a file of ours.
  static func openStandardDescriptors() {
    precondition(talaria_open_standard() == 0, "no /dev/null")
  }

  /// A reader that goes away is an error of a write and not a signal.
  static func ignoreBrokenPipes() {
    _ = signal(SIGPIPE, SIG_IGN)
  }

  static func pauseOneSecond() {
    var rest = timespec(tv_sec: 1, tv_nsec: 0)
    // The structure outlives the call; nothing asks for the rest of an interrupted second.
    _ = unsafe nanosleep(&rest, nil)
  }

  static var now: Instant { Instant(milliseconds: talaria_civil_milliseconds()) }

  static var userID: UInt32 { geteuid() }

  /// One variable of the environment.
  static func variable(_ name: String) -> String? {
    // The string is copied before anything can change the environment: there is one thread.
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  static func explanation(_ number: Int32) -> String {
    // strerror's text is copied at once, and there is one thread.
    unsafe String(cString: strerror(number))
  }
}
