// SPDX-License-Identifier: ISC

import Mail

/// What a command's end means for the envelope (sysexits.h; reference of OpenSMTPD's mda). Pure.
package enum CommandResult {
  /// Whether the command's standard input took the whole message.
  package enum Reading: Hashable, Sendable {
    case whole
    case partial
  }

  /// - Parameter lastLine: the last line that the command printed, sanitized; it explains a failure.
  package static func outcome(
    _ exit: CommandExit,
    _ reading: Reading,
    lastLine: String
  ) -> DeliveryOutcome {
    switch exit {
    case .exited(0):
      switch reading {
      case .whole: return .delivered(text: "Delivered", relay: nil, support: .none)
      case .partial: return .temporary(system, "mda exited prematurely")
      }
    case .exited(let code):
      let text = lastLine.isEmpty ? description(code) : lastLine
      return switch code {
      case 71, 75: .temporary(status(code, .temporary), text)
      default: .permanent(status(code, .permanent), text)
      }
    case .signalled(let signal):
      return .temporary(system, "terminated by signal \(signal)")
    case .timedOut:
      return .temporary(system, "mda timed out")
    case .refused(let reason):
      return .temporary(system, DeliveryText.sanitized(reason))
    }
  }

  private static let system = EnhancedStatus(.temporary, 3, 0)

  /// What a code of sysexits.h says; other codes by their number.
  package static func description(_ code: UInt8) -> String {
    switch code {
    case 64: "command line usage error"
    case 65: "data format error"
    case 66: "cannot open input"
    case 67: "user unknown"
    case 68: "host name unknown"
    case 69: "service unavailable"
    case 70: "internal software error"
    case 71: "system error"
    case 72: "critical OS file missing"
    case 73: "can't create user output file"
    case 74: "input/output error"
    case 75: "temporary failure"
    case 76: "remote error in protocol"
    case 77: "permission denied"
    case 78: "local configuration error"
    case 127: "command not found"
    default: "exited with code \(code)"
    }
  }

  private static func status(_ code: UInt8, _ kind: EnhancedStatus.Class) -> EnhancedStatus {
    switch code {
    case 65: EnhancedStatus(kind, 6, 0)
    case 67: EnhancedStatus(kind, 1, 1)
    case 68: EnhancedStatus(kind, 1, 2)
    case 73: EnhancedStatus(kind, 2, 0)
    case 77: EnhancedStatus(kind, 7, 0)
    default: EnhancedStatus(kind, 3, 0)
    }
  }
}
