// SPDX-License-Identifier: ISC

internal import Glibc

/// How a process ended: what waitpid said.
struct WaitStatus: CustomStringConvertible {
  let status: Int32

  /// In words, behind the name of who ended.
  var description: String {
    let signal = status & 0x7f
    guard signal != 0 else { return "ended with status \((status >> 8) & 0xff)" }
    let reason = signal == SIGSYS ? ", for it broke a promise" : ""
    return "was killed by signal \(signal)\(reason)"
  }
}
