// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess
internal import Synchronization

/// Looks at the paths of tables' files for other ones, on a thread of its own: a file system that does not
/// answer stops nobody but the looking.
final class TableWatch: Sendable {
  private enum Limits {
    /// Between two looks, in microseconds.
    static let interval: UInt32 = 500_000
  }

  private struct State {
    var changes = TableChanges()
    var changed: Set<Int> = []
  }

  /// By the table's place.
  private let paths: [Int: String]
  private let state: Mutex<State>
  private let wake: (read: CInt, write: CInt)

  /// - Parameter handed: the open files that lookup has at its first start.
  init?(_ paths: [Int: String], handed: [Int: CInt]) {
    guard !paths.isEmpty else { return nil }
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    guard unsafe talaria_pipe(&ends, 4096) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
    wake = (ends[0], ends[1])
    self.paths = paths
    state = Mutex(State())
    for (table, file) in handed { self.handed(file, of: table) }
  }

  /// Readable when there are changes.
  var descriptor: CInt { wake.read }

  /// Starts the thread.
  func start() {
    WorkThread.start {
      while true {
        usleep(Limits.interval)
        self.look()
      }
    }
  }

  private func look() {
    for (table, path) in paths {
      let identity = TableWatch.identity(of: path)
      state.withLock { state in
        guard state.changes.saw(identity, of: table) else { return }
        state.changed.insert(table)
        // A full pipe wakes as well.
        _ = unsafe write(wake.write, [UInt8(1)], 1)
      }
    }
  }

  /// The tables whose files changed; they come again until they were handed over.
  func takeChanged() -> Set<Int> {
    var bytes = [UInt8](repeating: 0, count: 4096)
    // The array is as long as the count says.
    while unsafe read(wake.read, &bytes, bytes.count) > 0 {}
    return state.withLock { state in
      defer { state.changed = [] }
      return state.changed
    }
  }

  /// An open file of a table is lookup's now.
  func handed(_ file: CInt, of table: Int) {
    var facts = stat()
    // The structure is written during the call only.
    guard paths[table] != nil, unsafe fstat(file, &facts) == 0 else { return }
    let identity = TableWatch.identity(facts)
    state.withLock { $0.changes.hand(identity, of: table) }
  }

  /// What is at the path of a table cannot be opened. Looks at nothing itself, and does not wait.
  func refused(of table: Int) { state.withLock { $0.changes.refused(of: table) } }

  /// Lookup ended before it had taken or refused the last file. Returns the path of one that it is not handed again.
  func lost(of table: Int) -> String? {
    guard let path = paths[table] else { return nil }
    return state.withLock { $0.changes.lost(of: table) } == .givenUp ? path : nil
  }

  private static func identity(of path: String) -> TableChanges.Identity? {
    var facts = stat()
    // The structure is written, and the path read, during the call only.
    return unsafe stat(path, &facts) == 0 ? identity(facts) : nil
  }

  private static func identity(_ facts: stat) -> TableChanges.Identity {
    TableChanges.Identity(
      device: UInt64(facts.st_dev),
      number: UInt64(facts.st_ino),
      size: Int64(facts.st_size),
      modified: Int64(facts.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(facts.st_mtim.tv_nsec),
      mode: facts.st_mode,
      owner: facts.st_uid
    )
  }
}
