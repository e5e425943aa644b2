// SPDX-License-Identifier: ISC

/// Calls once a number of things have happened.
final class Countdown {
  private var remaining: Int
  private let finished: () -> Void

  init(_ count: Int, finished: @escaping () -> Void) {
    remaining = count
    self.finished = finished
    if count == 0 { finished() }
  }

  func one() {
    precondition(remaining > 0)
    remaining -= 1
    if remaining == 0 { finished() }
  }
}
