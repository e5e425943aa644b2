// SPDX-License-Identifier: ISC

import Mail
import Queue

/// How far a copy is, on one line of a terminal that is written over again and again.
final class ProgressLine {
  /// Between two changes of the line.
  private static let interval = Duration.milliseconds(200)

  private let write: ((String) -> Void)?
  private let now: () -> Instant
  private var last = Instant.epoch
  private var isShown = false

  init(_ context: Context) {
    write = context.terminal
    now = context.now
  }

  func show(_ progress: StoreCopy.Progress) {
    guard let write else { return }
    let now = now()
    guard now - last >= ProgressLine.interval else { return }
    last = now
    isShown = true
    let text =
      progress.messagesVerified == 0
      ? "\(progress.messagesCopied) messages copied, \(progress.messagesPresent) already there"
      : "\(progress.messagesVerified) messages verified"
    write("\r\u{1b}[K\(text)")
  }

  /// Takes the line away again.
  func clear() {
    if isShown { write?("\r\u{1b}[K") }
    isShown = false
  }
}
