// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess
internal import Mail
internal import TLS

/// Asks for a passphrase on the terminal of whoever starts the server.
struct PassphraseQuestion {
  /// For one key.
  static let triesMax = 3

  /// What came of a question.
  enum Answer {
    case passphrase(Passphrase)
    /// More bytes than a passphrase may have.
    case tooLong
    /// There is nobody any more.
    case nobody(String)
  }

  private let terminal: CInt
  private let companion: CInt

  /// Whether there is somebody to ask.
  static var hasTerminal: Bool {
    let terminal = talaria_terminal_open()
    guard terminal >= 0 else { return false }
    close(terminal)
    return true
  }

  /// The terminal of this process, for as long as that lives.
  ///
  /// - Parameter companion: a socket, at whose other end is who started this process, and without whom nobody
  ///   is asked.
  /// - Returns: nil when it has none.
  init?(companion: CInt) {
    terminal = talaria_terminal_open()
    guard terminal >= 0 else { return nil }
    self.companion = companion
  }

  /// Asks for the passphrase of the key of a `pki`, and does not show the answer.
  ///
  /// - Parameter complaint: what was wrong with the answer before.
  func ask(
    of name: String,
    at path: String,
    after complaint: String?
  ) -> Answer {
    let text = complaint.map { "pki \(name): \($0)".visible() + "\n" } ?? ""
    let question = text + "pki \(name): passphrase of \(path): ".visible()
    return unsafe Passphrase.withMemory(Passphrase.lengthMax) { answer in
      guard let start = unsafe answer.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
        preconditionFailure("a buffer without room")
      }
      // The buffer has the room that is given; the question is read during the call only.
      let length = unsafe talaria_terminal_ask(terminal, companion, question, start, answer.count)
      guard length >= 0 else {
        return .nobody(errno == EPIPE ? "the terminal has ended" : systemError())
      }
      let bytes = UnsafeRawBufferPointer(answer)
      guard length <= bytes.count,
        let passphrase = unsafe Passphrase(copying: .init(rebasing: bytes[..<length]))
      else { return .tooLong }
      return .passphrase(passphrase)
    }
  }
}
