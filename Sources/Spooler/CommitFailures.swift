// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue

extension GroupCommit<QueueService.Ticket>.Part {
  /// To be done once more, though it may have been done without our knowing: what it inserts may be
  /// there.
  var afterFailure: Self {
    var first: [Change] = []
    for case .insert(let new) in changes where failures == 0 {
      first.append(.removeMessage(new.message.id))
    }
    return first.isEmpty ? self : Self(changes: first + changes, ticket: ticket)
  }
}

extension StoreError {
  /// Whether the same would fail in a store that is well.
  var isAboutTheRequest: Bool {
    switch self {
    case .absent, .damaged: true
    // There is such a message already.
    case .failed(_, _, let errno, _): errno == 17
    case .busy, .newerVersion, .full, .sealed, .unusable: false
    }
  }
}
