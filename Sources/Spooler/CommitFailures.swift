// SPDX-License-Identifier: ISC

internal import Queue

extension StoreError {
  /// Whether the same would fail in a store that is well.
  var isAboutTheRequest: Bool {
    switch self {
    case .absent, .exists, .damaged: true
    case .busy, .newerVersion, .full, .failed, .sealed, .unwell, .unusable: false
    }
  }
}
