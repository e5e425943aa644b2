// SPDX-License-Identifier: ISC

/// What sendmail(8) tells the shell: codes of sysexits.h.
package enum SendmailStatus: Int32, Sendable {
  /// The server has the message.
  case accepted = 0
  case usage = 64
  /// The server does not say its name.
  case noHost = 68
  /// There is neither a server nor a place to keep the message.
  case unavailable = 69
  /// No recipients, a refusal, anything else that trying again does not mend.
  case refused = 70
  /// There is no server now; the message was put offline.
  case offline = 75
}
