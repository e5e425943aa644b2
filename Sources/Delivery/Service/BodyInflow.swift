// SPDX-License-Identifier: ISC

import Mail
import NIOCore

/// The body of one task on its way from the queue: grants, what has arrived and waits, and its end. Pure.
struct BodyInflow {
  /// A part of a body, or what comes instead of the rest.
  enum Piece: Hashable {
    case chunk(ByteBuffer)
    case end
    case failed(String)
  }

  private let size: Int
  private let window: Int
  private(set) var waiting: [Piece] = []
  private var received = 0
  private var granted: Int
  /// Passed on and not yet granted anew.
  private var consumed = 0
  private(set) var isOver = false

  /// - Parameters:
  ///   - size: the exact length of the body: another one is a failure.
  ///   - window: bytes that may be on their way; granted at once.
  init(size: Int, window: Int) {
    self.size = size
    self.window = window
    granted = window
  }

  mutating func arrived(_ chunk: ByteBuffer) {
    guard !isOver else { return }
    received += chunk.readableBytes
    guard received <= granted, received <= size else {
      return fail("More of the message came than was asked for")
    }
    waiting.append(.chunk(chunk))
  }

  mutating func ended() {
    guard !isOver else { return }
    guard received == size else { return fail("The message is cut off") }
    isOver = true
    waiting.append(.end)
  }

  mutating func fail(_ reason: String) {
    guard !isOver else { return }
    isOver = true
    waiting.append(.failed(reason))
  }

  /// What was only looked at comes again.
  mutating func putBack(_ pieces: [Piece]) { waiting.insert(contentsOf: pieces, at: 0) }

  mutating func take() -> Piece? { waiting.isEmpty ? nil : waiting.removeFirst() }

  /// So many bytes were passed on for good. Returns what to grant now, if it is worth a message.
  mutating func passedOn(_ bytes: Int) -> Int? {
    consumed += bytes
    guard !isOver, consumed >= window / 2, granted < size else { return nil }
    defer { consumed = 0 }
    granted += consumed
    return consumed
  }
}
