// SPDX-License-Identifier: ISC

/// What keeps one of our own delivering programs from delivering: its exit code, and the line on
/// standard error that becomes the reason.
struct AgentFailure: Error, Equatable {
  let code: Int32
  let text: String

  init(code: Int32, text: String) {
    self.code = code
    self.text = text
  }

  /// Exit codes, of sysexits.h.
  enum Code {
    static let usage: Int32 = 64
    static let system: Int32 = 71
    static let cannotCreate: Int32 = 73
    static let temporary: Int32 = 75
  }
}

/// How long the message on standard input is: told to our own programs, so that one that was cut off is
/// never delivered.
enum AnnouncedLength: Equatable {
  case exactly(Int)
  /// A wrapper stands before us and may change the message; it is killed before its input is cut off.
  case unknown

  /// Decimal digits, or `-`.
  init?(_ text: String) {
    if text == "-" {
      self = .unknown
      return
    }
    guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let length = Int(text) else { return nil }
    self = .exactly(length)
  }

  /// More came than belongs to the message; or, at its end, less.
  func check(_ received: Int, isEnd: Bool) throws(AgentFailure) {
    guard case .exactly(let length) = self else { return }
    guard received <= length else {
      throw AgentFailure(
        code: AgentFailure.Code.temporary,
        text: "the message is longer than the \(length) bytes announced"
      )
    }
    guard !isEnd || received == length else {
      throw AgentFailure(
        code: AgentFailure.Code.temporary,
        text: "the message is cut off: \(received) of \(length) bytes"
      )
    }
  }
}
