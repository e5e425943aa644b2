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
/// `WORDS`, separated by commas, are the promises it narrows itself to before the attempt. Exits with 0
/// when the attempt worked, with 1 and the errno on standard output when it was refused, and by SIGSYS
/// when the kernel ended it.
@main
enum SandboxProbe {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count >= 6, let role = Role(rawValue: arguments[0]),
      let port = UInt16(arguments[3])
    else { finish("usage: SandboxProbe ROLE MODE SPOOL PORT ATTEMPT ARGUMENT [WORDS]", 2) }
    let identity = RoleIdentity(
      root: nil,
      uid: nil,
      gid: nil,
      spool: arguments[2],
      owner: getuid(),
      sandbox: arguments[1] == "logged" ? .logged : .enforced
    )
    let attempt = arguments[4]
    // The name is read during the call only.
    let preparation = unsafe probe_prepare(attempt)
    guard preparation == 0 else { finish("prepare: \(preparation)", 2) }
    do throws(SandboxError) {
      var sandbox = try Sandbox.enter(
        RolePromises.confinement(
          of: role,
          identity: identity,
          ports: role == .resolver ? [port] : nil
        )
      )
      if arguments.count > 6 {
        let words = arguments[6].split(separator: ",").compactMap { Promise(rawValue: String($0)) }
        sandbox = try sandbox.narrowed(to: Promises(words))
      }
      _ = consume sandbox
    } catch {
      finish("sandbox: \(error)", 3)
    }
    // Both texts are read during the call only.
    let outcome = unsafe probe_attempt(attempt, arguments[5])
    guard outcome != 0 else { exit(0) }
    finish("\(outcome)", outcome < 0 ? 2 : 1)
  }

  private static func finish(_ text: String, _ status: Int32) -> Never {
    let line = Array((text + "\n").utf8)
    // The array is read during the call only.
    _ = unsafe write(STDOUT_FILENO, line, line.count)
    exit(status)
  }
}
