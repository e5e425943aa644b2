// SPDX-License-Identifier: ISC

package import Queue

/// A call to the disk that failed.
package struct DiskError: Error, Equatable, Sendable {
  /// What callers tell apart.
  package enum Code: Sendable {
    case absent
    case exists
    case notEmpty
    /// No space, no inode, or beyond the quota.
    case full
    case denied
    case readOnly
    case other
  }

  package var operation: String
  package var path: String
  package var errno: Int32
  package var explanation: String

  package init(operation: String, path: String, errno: Int32, explanation: String) {
    self.operation = operation
    self.path = path
    self.errno = errno
    self.explanation = explanation
  }

  package var code: Code {
    switch errno {
    case 2: .absent
    case 17: .exists
    case 39: .notEmpty
    case 28, 122: .full
    case 1, 13: .denied
    case 30: .readOnly
    default: .other
    }
  }

  /// Whether it says something of that one file or directory only, and nothing of the process, of the
  /// disk's room or of what else is there: who walks many may step over this one.
  package var isAboutOneFile: Bool {
    switch errno {
    // EPERM, EIO, ENXIO, EACCES, ENOTDIR, EISDIR, ELOOP, EBADMSG, EUCLEAN
    case 1, 5, 6, 13, 20, 21, 40, 74, 117: true
    default: false
    }
  }

  /// The same as a store tells it.
  package func storeError(in root: String) -> StoreError {
    let full = path.isEmpty ? root : "\(root)/\(path)"
    if code == .full { return .full(path: full) }
    return .failed(operation: operation, path: full, errno: errno, explanation: explanation)
  }
}

extension DiskError: CustomStringConvertible {
  package var description: String { "\(path): \(operation): \(explanation)" }
}

extension Disk {
  /// Runs `work`; what the disk throws is thrown as a store's error.
  package func asStore<Value: ~Copyable>(
    _ work: () throws(DiskError) -> Value
  ) throws(StoreError) -> Value {
    do {
      return try work()
    } catch {
      throw error.storeError(in: root)
    }
  }
}
