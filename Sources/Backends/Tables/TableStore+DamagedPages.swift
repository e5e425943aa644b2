// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue

extension TableStore {
  /// The first `limit` rows of `keys` that can be read, past pages of the database that cannot.
  ///
  /// What lies behind an unreadable page is entered in the quarantine as a range of keys, without
  /// content, and stays where it is.
  func readableRows(
    _ table: RecordTable,
    in keys: ClosedRange<UInt64>,
    limit: Int
  ) throws(StoreError) -> [RecordRow] {
    do throws(StoreError) {
      return try tables.rows(table, in: keys, limit: limit)
    } catch {
      guard case .damaged = error else { throw error }
    }
    var rows: [RecordRow] = []
    var lower = keys.lowerBound
    while rows.count < limit {
      let start: UInt64
      do throws(StoreError) {
        guard let row = try tables.rows(table, in: lower...keys.upperBound, limit: 1).first else {
          return rows
        }
        rows.append(row)
        start = row.key
      } catch {
        guard case .damaged(_, let problem) = error else { throw error }
        let readable = firstReadable(table, after: lower, through: keys.upperBound)
        guard tables.isOpen else { throw .sealed(path: tables.path) }
        try noteUnreadable(table, lower...((readable ?? keys.upperBound) - 1), problem)
        guard let readable else { return rows }
        lower = readable
        continue
      }
      guard start < keys.upperBound else { return rows }
      lower = start + 1
    }
    return rows
  }

  /// The lowest start from which a row can be read; nil when none is left. `damaged` is none.
  private func firstReadable(
    _ table: RecordTable,
    after damaged: UInt64,
    through end: UInt64
  ) -> UInt64? {
    func isReadable(_ start: UInt64) -> Bool {
      (try? tables.rows(table, in: start...end, limit: 1)) != nil
    }
    var unreadable = damaged
    var readable: UInt64
    var stride: UInt64 = 1
    while true {
      guard end - unreadable >= stride, stride < 1 << 62 else {
        guard isReadable(end) else { return nil }
        readable = end
        break
      }
      readable = unreadable + stride
      if isReadable(readable) { break }
      unreadable = readable
      stride *= 2
    }
    while readable - unreadable > 1 {
      let middle = unreadable + (readable - unreadable) / 2
      if isReadable(middle) { readable = middle } else { unreadable = middle }
    }
    return readable
  }
}
