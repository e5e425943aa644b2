// SPDX-License-Identifier: ISC

import Configuration

/// A store on the command line: a backend, of the daemon's own spool, or `backend:directory`.
struct StorePlace: Equatable {
  let backend: QueueBackend
  /// The spool that it is in; nil for the daemon's own.
  let directory: String?

  /// Returns nil for anything else, and for a backend that keeps nothing.
  init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let word = parts.first, let backend = QueueBackend(rawValue: String(word)),
      StoreAccess.backends.contains(backend)
    else { return nil }
    self.backend = backend
    directory = parts.count == 2 ? String(parts[1]) : nil
    if directory?.isEmpty == true { return nil }
  }
}
