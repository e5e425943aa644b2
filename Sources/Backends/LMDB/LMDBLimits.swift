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
  /// Bytes of zeros that are written behind the used pages at a time, so that commits write over them.
  package var headroom = 4 << 20
  /// Bytes that are written before the pages that were freed by then are used again.
  package var pinned = 64 << 20

  package init() {}
}
