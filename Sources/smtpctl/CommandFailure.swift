// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue

/// Why a command did not do what it was asked.
enum CommandFailure: Error, Equatable {
  /// Nobody listens at the socket.
  case unreachable
  /// The socket or the spool is not for this user.
  case forbidden
  case incompatible
  /// The daemon said no; the text is its own and may be empty.
  case refused(String)
  /// The daemon takes no more bytes; those that it sent before may wait.
  case ended
  /// The daemon's bytes make no sense, or ended inside an answer.
  case brokenAnswer(String)
  case store(StoreError)
  /// The words cannot be a command, or are not one yet.
  case invalid(String)
  case output(Output.Failure)
  /// A system call, or a place that cannot be used.
  case failed(String)
  /// The check that was asked for found something, which has been reported.
  case found
}

extension CommandFailure {
  /// Where the text for the operator goes.
  enum Report: Equatable {
    case none
    case standardOutput(String)
    case standardError(String)
  }

  var exitStatus: ExitStatus {
    switch self {
    case .output(.closed): .success
    case .invalid: .invalid
    default: .failure
    }
  }

  var report: Report {
    switch self {
    case .unreachable: .standardError("smtpctl: smtpd doesn't seem to be running")
    case .forbidden: .standardError("smtpctl: need root privileges")
    case .incompatible: .standardError("smtpctl: incompatible smtpctl and smtpd")
    case .refused(""): .standardOutput("command failed")
    case .refused(let reason): .standardOutput("command failed: \(reason)")
    case .ended: .standardError("smtpctl: broken answer: the daemon ended the connection")
    case .brokenAnswer(let problem): .standardError("smtpctl: broken answer: \(problem)")
    case .store(let error): .standardError("smtpctl: \(error)")
    case .invalid(let text): .standardError(text)
    case .output(.closed): .none
    case .output(.failed(let problem)): .standardError("smtpctl: standard output: \(problem)")
    case .failed(let problem): .standardError("smtpctl: \(problem)")
    case .found: .none
    }
  }
}

/// What the shell is told.
enum ExitStatus: Int32 {
  case success = 0
  case failure = 1
  /// No such command.
  case invalid = 255
}
