// SPDX-License-Identifier: ISC

internal import Queue

/// Why a store that can be opened must not be served: its mail is, or will be, another store's.
enum ServingRefusal: Error, Equatable, CustomStringConvertible {
  case unfinishedCopy(of: String)
  case moved(to: String)

  /// Nil for a store that may be served.
  static func reason(of store: any Store) throws(StoreError) -> ServingRefusal? {
    if let source = try store.setting(StoreCopy.mark) {
      return .unfinishedCopy(of: String(decoding: source, as: UTF8.self))
    }
    if let place = try store.setting(StoreCopy.movedMark) {
      return .moved(to: String(decoding: place, as: UTF8.self))
    }
    return nil
  }

  var description: String {
    switch self {
    case .unfinishedCopy(let source):
      "this queue is an unfinished copy of \(source); run `smtpctl queue copy` again to finish it"
    case .moved(let place):
      "this queue was moved to \(place); set `queue backend` to that one in smtpd.conf, "
        + "or move it back with `smtpctl queue copy`"
    }
  }
}
