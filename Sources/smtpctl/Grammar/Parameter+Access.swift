// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// What a command reads where its own pattern says that such a parameter stands.
extension [Parameter] {
  func envelope(at index: Int) -> EnvelopeID {
    guard case .envelope(let id) = self[index] else { mismatch(index) }
    return id
  }

  func item(at index: Int) -> QueueItem {
    switch self[index] {
    case .envelope(let id): .envelope(id)
    case .message(let id): .message(id)
    case .text, .selection, .words: mismatch(index)
    }
  }

  func text(at index: Int) -> String {
    guard case .text(let text) = self[index] else { mismatch(index) }
    return text
  }

  func selection(at index: Int) -> Selection {
    guard case .selection(let selection) = self[index] else { mismatch(index) }
    return selection
  }

  func words(at index: Int) -> [String] {
    guard case .words(let words) = self[index] else { mismatch(index) }
    return words
  }

  private func mismatch(_ index: Int) -> Never {
    preconditionFailure("parameter \(index) is of another kind than its pattern")
  }
}
