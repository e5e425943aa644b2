// SPDX-License-Identifier: ISC

package import Configuration
package import Disk
internal import Mail
package import Queue

/// Which store of a spool is its queue: what the configuration says now, and the file `backend`, which
/// says what it was.
///
/// A change must not leave mail behind that nobody asked to be left: it would wait in a store that is
/// served no more.
package enum BackendChoice {
  /// Names the store that serves the spool, for `smtpctl` without a daemon.
  package static let file = "backend"

  /// Writes `backend` into the file, durable on return; nothing when it is there already.
  ///
  /// To be called with the spool's lock held (but for `ram`, which takes it here).
  ///
  /// - Throws: `StoreError.unusable` when another store of the spool holds mail that was not moved, and
  ///   `.full` when there is no room for looking or writing; the file is as it was then.
  package static func settle(
    _ backend: QueueBackend,
    on disk: any Disk
  ) throws(StoreError) {
    do throws(StoreError) {
      try settleNow(backend, on: disk)
    } catch {
      // Nobody else would: mail in memory has no reserve, and this is one that another store left.
      guard case .full = error, backend == .memory, try SpaceReserve.release(on: disk) else {
        throw error
      }
      try settleNow(backend, on: disk)
    }
  }

  private static func settleNow(
    _ backend: QueueBackend,
    on disk: any Disk
  ) throws(StoreError) {
    let content = try disk.asStore { () throws(DiskError) in
      try disk.content(of: file, atMost: 64)
    }
    let word = content.map { bytes in
      String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)
    }
    guard word != backend.rawValue else { return }
    let lock = backend == .memory ? try SpoolLock.take(on: disk) : nil
    defer { withExtendedLifetime(lock) {} }
    for other in [QueueBackend.filesystem, .sqlite, .lmdb] where other != backend {
      guard try StoreFactory.isPresent(other, on: disk),
        let problem = try leftBehind(in: other, on: disk)
      else { continue }
      let move =
        backend == .memory
        ? "" : "move it with `smtpctl queue copy \(other.rawValue) \(backend.rawValue)`, or "
      throw .unusable(
        path: disk.root,
        problem: "\(problem), and the queue is to be \(backend.rawValue) now",
        remedy: "\(move)set `queue backend \(other.rawValue)` again; to leave that mail where it "
          + "is and start without it, write the word \(backend.rawValue) into the file `\(file)` "
          + "in the spool"
      )
    }
    try disk.asStore { () throws(DiskError) in
      try disk.replace(file, with: Array("\(backend.rawValue)\n".utf8), through: "\(file).new")
    }
  }

  /// What a change would leave in that store, for people; nil when there is nothing.
  private static func leftBehind(
    in backend: QueueBackend,
    on disk: any Disk
  ) throws(StoreError) -> String? {
    let store = StoreFactory.store(backend, on: disk, locking: .heldByCaller)
    do throws(StoreError) {
      _ = try store.open()
      // It was moved away already, or never became a queue of its own.
      let moved = try store.setting(StoreCopy.movedMark)
      let copied = try store.setting(StoreCopy.mark)
      let count = moved == nil && copied == nil ? store.statistics().envelopes : 0
      try store.close(within: .zero)
      guard count > 0 else { return nil }
      return "the \(backend.rawValue) queue holds \(count) envelope\(count == 1 ? "" : "s")"
    } catch {
      if case .full = error { throw error }
      return "the \(backend.rawValue) queue may hold mail (\(error))"
    }
  }
}
