// SPDX-License-Identifier: ISC

internal import Glibc
internal import Interprocess
internal import Supervisor

/// Becoming a daemon: the command that was typed returns when the service is ready, or after the
/// daemon has said on standard error why it is not.
enum Background {
  /// Over which the daemon tells its starter that it is ready.
  private static let readyDescriptor: CInt = 3
  private static let variable = "SMTPD_BACKGROUND"
  /// Its values: whether the second process has a file of passphrases as its standard input.
  private static let (plain, withPassphrases) = ("1", "passphrases")

  /// In the process that was typed: starts the same command line again in a session of its own, and
  /// exits when that is ready or has failed. Returns at once in that second process.
  ///
  /// - Parameter passphrases: the file of those that were asked for, since the second process has no terminal.
  static func enter(_ passphrases: CInt?) throws(StartupFailure) {
    let environment = Smtpd.environment()
    guard environment[variable] == nil else { return }
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    guard unsafe pipe(&ends) == 0 else { throw StartupFailure("pipe: \(systemError())") }
    var program = Program(path: Program.ourselves, arguments: CommandLine.arguments)
    program.environment = environment.map { "\($0.key)=\($0.value)" }
    program.environment.append("\(variable)=\(passphrases == nil ? plain : withPassphrases)")
    program.descriptors = (passphrases ?? -1, STDERR_FILENO, STDERR_FILENO, ends[1])
    program.session = .own
    do throws(SpawnError) {
      _ = try program.start()
    } catch {
      throw StartupFailure("\(error.path): \(error.reason)")
    }
    close(ends[1])
    var byte: UInt8 = 0
    // One byte into one byte; the end without it means that the daemon gave up.
    let count = unsafe read(ends[0], &byte, 1)
    exit(count == 1 ? 0 : 1)
  }

  /// In the second process, once and first: the file of passphrases that it was started with, which is the
  /// caller's.
  static func takePassphrases() -> CInt? {
    guard Smtpd.environment()[variable] == withPassphrases else { return nil }
    let file = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, readyDescriptor + 1)
    // A literal path.
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    guard file >= 0, null >= 0, dup2(null, STDIN_FILENO) >= 0 else { return nil }
    close(null)
    return file
  }

  /// Told once by the supervisor: the starter may go, and the terminal is let go of.
  static func isReady() {
    guard Smtpd.environment()[variable] != nil else { return }
    // The array is read during the call only.
    _ = unsafe write(readyDescriptor, [UInt8(1)], 1)
    close(readyDescriptor)
    // A literal path.
    let null = unsafe open("/dev/null", O_RDWR)
    guard null >= 0 else { return }
    for standard in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] { dup2(null, standard) }
    close(null)
  }
}
