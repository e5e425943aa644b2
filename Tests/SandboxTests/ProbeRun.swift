// SPDX-License-Identifier: ISC

import CLinux
import Glibc
import Interprocess
import Supervisor

/// One run of the probe program: what it tried as which role, and what came of it.
struct ProbeRun {
  enum Outcome: Equatable {
    case works
    case refused
    case killed
    /// It could not try.
    case failed(Int32)
  }

  let outcome: Outcome
  let output: String
  let errors: String

  /// - Parameters:
  ///   - port: the one TCP port that the resolver may connect to.
  ///   - words: what it narrows itself to first.
  init(
    _ role: Role,
    _ attempt: String,
    _ argument: String = "",
    mode: String = "enforced",
    spool: String = "/",
    port: UInt16 = 53,
    narrowingTo words: String? = nil
  ) throws {
    try self.init(
      role.rawValue,
      attempt,
      argument,
      mode: mode,
      spool: spool,
      port: port,
      narrowingTo: words
    )
  }

  /// - Parameter promises: a role's name, or words separated by commas.
  init(
    _ promises: String,
    _ attempt: String,
    _ argument: String = "",
    mode: String = "enforced",
    spool: String = "/",
    port: UInt16 = 53,
    narrowingTo words: String? = nil
  ) throws {
    var program = Program(
      path: ProbeRun.path,
      arguments: ["probe", promises, mode, spool, "\(port)", attempt, argument]
        + (words.map { [$0] } ?? [])
    )
    program.environment = ["SWIFT_BACKTRACE=enable=no"]
    let (output, outputEnd) = try ProbeRun.pipe()
    let (errors, errorsEnd) = try ProbeRun.pipe()
    program.descriptors = (-1, outputEnd, errorsEnd, -1)
    let process = try program.start()
    close(outputEnd)
    close(errorsEnd)
    self.output = ProbeRun.text(of: output)
    self.errors = ProbeRun.text(of: errors)
    var status: CInt = 0
    // The status is written during the call only.
    while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
    outcome =
      switch (status & 0x7f, (status >> 8) & 0xff) {
      case (0, 0): .works
      case (0, 1): .refused
      case (SIGSYS, _): .killed
      default: .failed(status)
      }
  }

  /// Beside this very program.
  static let path: String = {
    var buffer = [CChar](repeating: 0, count: 4096)
    // The link's text is cut to the buffer.
    let length = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
    let text = buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
    let folder = String(decoding: text, as: UTF8.self).split(separator: "/").dropLast()
    return "/" + folder.joined(separator: "/") + "/SandboxProbe"
  }()

  private static func pipe() throws -> (CInt, CInt) {
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    guard unsafe talaria_pipe(&ends, 4096) == 0 else {
      throw NoGround(what: "pipe: \(systemError())")
    }
    return (ends[0], ends[1])
  }

  private static func text(of descriptor: CInt) -> String {
    defer { close(descriptor) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      // The buffer is as long as the count says.
      let count = unsafe read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return String(decoding: text, as: UTF8.self) }
      text += buffer[..<count]
    }
  }
}

/// A directory of a test's own with a spool, files outside of it, and two TCP ports that answer.
final class ProbeGround: Sendable {
  let directory: String
  let port: UInt16
  let otherPort: UInt16
  /// One that nobody listens on: it was given up a moment ago.
  let freePort: UInt16
  private let ends: (CInt, CInt)

  var spool: String { directory + "/spool" }
  /// Outside of the spool, and readable.
  var key: String { directory + "/key" }

  init() throws {
    var template = Array("/tmp/talaria-sandbox.XXXXXX".utf8CString)
    // The call writes into the array.
    guard unsafe mkdtemp(&template) != nil else {
      throw NoGround(what: "mkdtemp: \(systemError())")
    }
    let name = template.dropLast().map { UInt8(bitPattern: $0) }
    directory = String(decoding: name, as: UTF8.self)
    // Paths are read during the calls only.
    _ = unsafe mkdir(directory + "/spool", 0o700)
    close(unsafe open(directory + "/key", O_CREAT | O_WRONLY, 0o600))
    let one = try ListeningSocket.tcp(address: "127.0.0.1", port: 0)
    let other = try ListeningSocket.tcp(address: "127.0.0.1", port: 0)
    port = ProbeGround.port(of: one.borrow())
    otherPort = ProbeGround.port(of: other.borrow())
    let third = try ListeningSocket.tcp(address: "127.0.0.1", port: 0)
    freePort = ProbeGround.port(of: third.borrow())
    ends = (one.release(), other.release())
  }

  deinit {
    close(ends.0)
    close(ends.1)
    // Paths are read during the calls only.
    _ = unsafe unlink(key)
    _ = unsafe unlink(directory + "/written")
    _ = unsafe rmdir(spool)
    _ = unsafe rmdir(directory)
  }

  private static func port(of socket: CInt) -> UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    // A sockaddr_in is a sockaddr to getsockname(2), which writes `length` bytes of it.
    _ = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe getsockname(socket, address, &length)
      }
    }
    return UInt16(bigEndian: address.sin_port)
  }
}

/// A test could not be prepared.
struct NoGround: Error {
  let what: String
}
