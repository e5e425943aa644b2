// SPDX-License-Identifier: ISC

internal import Glibc

/// A blocking connection to the submission socket.
struct SubmissionSocket: ~Copyable {
  /// How long the server may be silent, in seconds: whoever gives up too early sends twice.
  private static let patience = 600

  /// How long answers are waited for when nothing more is asked, in milliseconds.
  private static let lastWords: CInt = 60_000

  let descriptor: CInt

  /// Why there is no connection.
  struct Failure: Error {
    let text: String
  }

  init(path: String) throws(Failure) {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Failure(text: "socket: \(SystemError.text)") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
      throw Failure(text: "\(path): the path of a socket may not be that long")
    }
    // The path fits with its final NUL, as was just checked.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let number = descriptor
    // A sockaddr_un is a sockaddr to connect(2), which reads as much of it as it is told.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe connect(number, generic, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw Failure(text: "\(path): \(SystemError.text)") }
    var time = timeval(tv_sec: SubmissionSocket.patience, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      // The value is a timeval and its size is told.
      _ = unsafe setsockopt(descriptor, SOL_SOCKET, option, &time, size)
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Sends all of it; false when the server is gone.
  func send(_ bytes: [UInt8]) -> Bool { Output.write(bytes, to: descriptor) == 0 }

  /// The next bytes; none when the server is gone.
  func receive() -> [UInt8] {
    var part = [UInt8](repeating: 0, count: 16_384)
    while true {
      // The array is as long as the count says.
      let count = unsafe read(descriptor, &part, part.count)
      if count < 0, errno == EINTR { continue }
      return count > 0 ? Array(part[..<count]) : []
    }
  }

  /// Carries bytes both ways until the server ends the conversation. Returns whether it did.
  func converse(input: CInt, output: CInt) -> Bool {
    var watched = [
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: input, events: Int16(POLLIN), revents: 0),
    ]
    var part = [UInt8](repeating: 0, count: 16_384)
    var timeout: CInt = -1
    while true {
      // The array is as long as its count says.
      let ready = unsafe poll(&watched, nfds_t(watched.count), timeout)
      if ready < 0, errno == EINTR { continue }
      guard ready > 0 else { return false }
      if watched[0].revents != 0 {
        let bytes = receive()
        if bytes.isEmpty { return true }
        guard Output.write(bytes, to: output) == 0 else { return false }
      }
      if watched[1].revents != 0 {
        // The array is as long as the count says.
        let count = unsafe read(input, &part, part.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          // The client has said all that it will, QUIT perhaps not; the answers to it still come.
          watched[1].fd = -1
          timeout = SubmissionSocket.lastWords
          continue
        }
        guard send(Array(part[..<count])) else { return false }
      }
    }
  }
}
