// SPDX-License-Identifier: ISC

import CLinux
import Glibc

/// A process that appends, beside the one that the supervisor knows and may kill at any moment: with its
/// alarm, with its session, for the end of the service or of who fed it. While the locks are waited for it
/// dies with that one. Once it has them it goes on to the end, so that no signal leaves half a message.
///
///     waiting for locks ──maker dies──▶ killed, nothing was touched
///            └────both held, maker lives──▶ appending ──▶ ended, whatever becomes of the maker
struct MailboxKeeper {
  private let maker: pid_t
  /// Says that the locks are there.
  private let word: CInt

  /// Runs `work` in such a process and waits for it. Returns its exit code. Only for a process of one
  /// thread.
  ///
  /// - Parameter work: says `begin()` when it is about to change something. Its complaint is its own.
  static func run(
    _ work: (MailboxKeeper) throws(AgentFailure) -> Void,
    complain: (AgentFailure) -> Void
  ) -> Int32 {
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    guard unsafe talaria_pipe(&ends, 4096) == 0 else {
      complain(MailboxFile.failure("cannot make a pipe"))
      return AgentFailure.Code.temporary
    }
    let maker = getpid()
    let child = talaria_fork_apart()
    guard child >= 0 else {
      complain(MailboxFile.failure("cannot start a process"))
      return AgentFailure.Code.temporary
    }
    guard child == 0 else {
      close(ends[1])
      return wait(for: child, ends[0])
    }
    // What the supervisor keeps open for readers of the input is not kept open for this one.
    for end in [STDIN_FILENO, ends[0]] { close(end) }
    do throws(AgentFailure) {
      try work(MailboxKeeper(maker: maker, word: ends[1]))
      _exit(0)
    } catch {
      complain(error)
      _exit(error.code)
    }
  }

  /// From now on nothing ends the work. Fails when nobody waits for it any more: then somebody else does it.
  func begin() throws(AgentFailure) {
    guard talaria_stand_alone(maker) != 0 else {
      throw AgentFailure(code: AgentFailure.Code.temporary, text: "nobody waits for the delivery")
    }
    try? MaildirFile.writeAll(word, [0])
  }

  /// The time for waiting is over when the locks are there: the alarm would only make a double of it.
  private static func wait(for child: pid_t, _ word: CInt) -> Int32 {
    let begun = try? MaildirFile.read(word, room: 1)
    if begun?.isEmpty == false { alarm(0) }
    var status: CInt = 0
    // The status is written during the call only.
    while unsafe waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else { return AgentFailure.Code.temporary }
    }
    return status & 0x7f == 0 ? (status >> 8) & 0xff : AgentFailure.Code.temporary
  }
}
