// SPDX-License-Identifier: ISC

internal import Delivery
internal import Glibc
internal import Policy

/// Runs a command or writes a file that the user's `~/.forward` names, as the user, when it still does:
/// `mail.forward command TEXT SCRIPT` or `mail.forward file PATH LENGTH`. TEXT is what the file says, and
/// SCRIPT that with references to values in the place of tokens. Nobody but the user decides what runs
/// under the user's id, whatever the queue remembers or the delivering role asks for.
enum ForwardCommand {
  private enum Code {
    static let usage: Int32 = 64
    static let temporary: Int32 = 75
  }

  /// What is in the environment for this program, and not for the command.
  static let ownVariable = "SWIFT_BACKTRACE"

  /// Returns the exit code; a command that is run takes the place of this program.
  static func run(_ arguments: [String], _ environment: [String: String]) -> Int32 {
    let wanted: ExpansionNode
    switch (arguments.first, arguments.count) {
    case ("command", 3): wanted = .command(arguments[1])
    case ("file", 3): wanted = .file(arguments[1])
    default: return fail("usage: mail.forward command text script | file path length", Code.usage)
    }
    guard let home = environment["HOME"], home.hasPrefix("/") else {
      return fail("no HOME", Code.temporary)
    }
    do throws(ForwardNodes.Failure) {
      guard try ForwardNodes.read(home: home).contains(wanted) else {
        return fail("~/.forward does not name it any more", Code.temporary)
      }
    } catch {
      return fail(error.text, Code.temporary)
    }
    if case .file(let path) = wanted {
      return MailboxDelivery.run(arguments: [arguments[2], path], environment: environment)
    }
    return execute(arguments[2])
  }

  private static func execute(_ command: String) -> Int32 {
    // A name is read during the call only; there is one thread.
    unsafe unsetenv(ownVariable)
    // The strings live until the program is another one, or this one ends.
    var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [
      strdup("sh"), strdup("-c"), strdup(command), nil,
    ]
    unsafe execv("/bin/sh", &arguments)
    return fail("/bin/sh cannot be run", Code.temporary)
  }

  private static func fail(_ text: String, _ code: Int32) -> Int32 {
    let line = Array("mail.forward: \(text)\n".utf8)
    // The array is read during the call only.
    _ = unsafe write(STDERR_FILENO, line, line.count)
    return code
  }
}
