// SPDX-License-Identifier: ISC

import ControlProtocol

/// Who answers requests: the running daemon, or the store of one that is stopped.
protocol QueueService: AnyObject {
  /// Asks, hands every response that is not final to `partial`, and returns the final one.
  ///
  /// - Throws: `CommandFailure.refused` for a final `failure`.
  func exchange(
    _ request: ControlRequest,
    partial: (ControlResponse) throws(CommandFailure) -> Void
  ) throws(CommandFailure) -> ControlResponse
}

extension QueueService {
  /// Asks for something that has one response.
  func exchange(_ request: ControlRequest) throws(CommandFailure) -> ControlResponse {
    try exchange(request) { _ throws(CommandFailure) in
      throw .brokenAnswer("a part of a larger answer")
    }
  }

  /// Asks for something that is counted.
  func count(_ request: ControlRequest) throws(CommandFailure) -> Int {
    guard case .count(let count) = try exchange(request) else {
      throw .brokenAnswer("a count was expected")
    }
    return count
  }

  /// Asks for something whose answer ends without a value.
  func complete(
    _ request: ControlRequest,
    partial: (ControlResponse) throws(CommandFailure) -> Void
  ) throws(CommandFailure) {
    guard case .done = try exchange(request, partial: partial) else {
      throw .brokenAnswer("an end was expected")
    }
  }
}
