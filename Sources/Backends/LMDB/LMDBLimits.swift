// SPDX-License-Identifier: ISC

/// Bounds of a queue in LMDB.
package struct LMDBLimits: Sendable {
  /// Bytes of address space that the map begins with; it grows as the file does.
  package var map = 1 << 30
  /// The map is doubled before less than this and what a transaction needs is left of it.
  package var mapRoom = 64 << 20
  /// Bytes of the file from which free space is given back...
  package var compactFrom = 64 << 20
  /// ...once at most this much of it is in use, so that it takes but a moment.
  package var compactAtMost = 4 << 20
  /// Bytes that are written before the pages that were freed by then are used again.
  package var pinned = 64 << 20
  /// Bytes of one file of the journal; a multiple of 512.
  package var segmentBytes = 8 << 20
  /// Files of the journal.
  package var segments = 3
  /// Changes of records that were there that one transaction of LMDB collects before they are committed: each
  /// may be of a page of its own, and neither its pages in memory nor its commit are to be many.
  package var pendingChanges = 2048
  /// Bytes of the journal that it collects.
  package var pendingBytes = 6 << 20

  package init() {}
}
