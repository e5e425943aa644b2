// SPDX-License-Identifier: ISC

internal import CProbe
internal import Glibc
internal import Interprocess
internal import RolePromises
internal import Sandbox

/// Confines itself as a role is confined, and then tries one thing.
///
///     SandboxProbe ROLE MODE SPOOL PORT ATTEMPT ARGUMENT [WORDS]
///
/// Promises separated by commas in the place of `ROLE` are promised instead, with all files. `MODE` is
/// `enforced` or `logged`, or `no-seccomp` or `no-landlock` for a kernel that lacks it. `WORDS`, separated by commas, are the promises it narrows itself to before the attempt. Exits with 0
/// when the attempt worked, with 1 and the errno on standard output when it was refused, and by SIGSYS
/// when the kernel ended it.
@main
enum SandboxProbe {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count >= 6, let confinement = confinement(arguments) else {
      finish("usage: SandboxProbe ROLE MODE SPOOL PORT ATTEMPT ARGUMENT [WORDS]", 2)
    }
    var support = KernelSupport.current
    if arguments[1] == "no-seccomp" { support.filtersCalls = false }
    if arguments[1] == "no-landlock" { support.landlock = 0 }
    let attempt = arguments[4]
    // The name is read during the call only.
    let preparation = unsafe probe_prepare(attempt)
    guard preparation == 0 else { finish("prepare: \(preparation)", 2) }
    do throws(SandboxError) {
      var sandbox = try Sandbox.enter(confinement, support: support)
      if arguments.count > 6 { sandbox = try sandbox.narrowed(to: promises(arguments[6])) }
      _ = consume sandbox
    } catch {
      finish("sandbox: \(error)", 3)
    }
    // Both texts are read during the call only.
    let outcome = unsafe probe_attempt(attempt, arguments[5])
    guard outcome != 0 else { exit(0) }
    finish("\(outcome)", outcome < 0 ? 2 : 1)
  }

  /// What a configuration would allow for.
  private static let counts: [OpenFiles.Counted: Int] = [
    .sessions: 10, .listeners: 2, .inFlight: 20, .deliveries: 4, .tables: 3,
  ]

  private static func confinement(_ arguments: [String]) -> Confinement? {
    guard let role = Role(rawValue: arguments[0]), let port = UInt16(arguments[3]) else {
      let words = promises(arguments[0])
      return words.isEmpty ? nil : Confinement(name: "probe", promises: words, directories: ["/"])
    }
    let identity = RoleIdentity(
      root: nil,
      uid: nil,
      gid: nil,
      spool: arguments[2],
      owner: getuid(),
      sandbox: arguments[1] == "logged" ? .logged : .enforced,
      openFiles: RolePromises.openFiles(of: role)?.most(counts)
    )
    return RolePromises.confinement(
      of: role,
      identity: identity,
      ports: role == .resolver ? [port] : nil
    )
  }

  private static func promises(_ text: String) -> Promises {
    Promises(text.split(separator: ",").compactMap { Promise(rawValue: String($0)) })
  }

  private static func finish(_ text: String, _ status: Int32) -> Never {
    let line = Array((text + "\n").utf8)
    // The array is read during the call only.
    _ = unsafe write(STDOUT_FILENO, line, line.count)
    exit(status)
  }
}
