// SPDX-License-Identifier: ISC

import Mail
import Queue
import TableStore

@testable import LMDBStore

/// What a process that is killed now leaves, opened.
struct LMDBSurvivor {
  let spool: Spool
  let store: TableStore
  let report: OpenReport

  init(of spool: Spool, _ limits: LMDBLimits) throws {
    self.spool = try spool.copied()
    store = TableStore.lmdb(disk: self.spool.disk, limits: limits, clock: { Spool.now })
    report = try store.open()
  }

  var messages: [UInt32] {
    get throws { try store.everything().map(\.message.id.rawValue) }
  }
}

extension LMDBLimits {
  /// Bounds that are reached all the time.
  static var small: LMDBLimits {
    var limits = LMDBLimits()
    limits.segmentBytes = 16 << 10
    limits.pendingChanges = 40
    limits.pendingBytes = 12 << 10
    return limits
  }
}
