// SPDX-License-Identifier: ISC

internal import Configuration
internal import Glibc
internal import Interprocess
internal import Supervisor

/// The program that asks PAM: another one than this, so that this one does without libpam.
enum VerifierProgram {
  static let name = "smtpd-pam"

  /// Nil when PAM is not asked.
  ///
  /// It is opened now and run by its descriptor: an upgrade that replaces it is used after the next start,
  /// like one that replaces ourselves.
  static func find(
    for passwords: SystemPasswords
  ) throws(StartupFailure) -> Program? {
    guard case .pam(let service) = passwords else { return nil }
    let descriptor = try open()
    var arguments = [name, service.text]
    if let path = service.path {
      // A path is read during the call only.
      guard unsafe access(path, R_OK) == 0 else {
        throw StartupFailure("auth pam: \(path): \(systemError())")
      }
      let parts = path.split(separator: "/")
      let directory = "/" + parts.dropLast().joined(separator: "/")
      arguments = [name, String(parts[parts.count - 1]), directory]
    }
    var program = Program(path: "/proc/self/fd/\(descriptor)", arguments: arguments)
    program.environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    program.directory = "/"
    return program
  }

  /// Beside this binary, as it is built, or where it is installed to.
  private static func open() throws(StartupFailure) -> CInt {
    guard let directory = ownDirectory() else {
      throw StartupFailure("auth pam: \(Program.ourselves): \(systemError())")
    }
    let places = ["\(directory)/\(name)", "\(directory)/../libexec/smtpd/\(name)"]
    for place in places {
      // A path is read during the call only.
      guard unsafe access(place, X_OK) == 0 else { continue }
      let found = unsafe Glibc.open(place, O_RDONLY | O_CLOEXEC)
      guard found >= 0 else { continue }
      // Out of the way of the numbers that a program is given.
      let descriptor = fcntl(found, F_DUPFD_CLOEXEC, 16)
      close(found)
      if descriptor >= 0 { return descriptor }
    }
    throw StartupFailure(
      lines: [
        "smtpd: auth pam: there is no \(places[0]) and no \(places[1])",
        "smtpd: it comes with the server, and is built where libpam is: make build",
      ]
    )
  }

  private static func ownDirectory() -> String? {
    var path = [CChar](repeating: 0, count: 4097)
    // The array is as long as is said; the text has no zero of its own.
    let length = unsafe readlink(Program.ourselves, &path, path.count - 1)
    guard length > 0 else { return nil }
    let text = String(decoding: path[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.split(separator: "/").dropLast().reduce(into: "") { $0 += "/\($1)" }
  }
}
