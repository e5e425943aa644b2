// SPDX-License-Identifier: ISC

internal import CLMDB
internal import Glibc
internal import Queue

/// What liblmdb's return codes mean for a store.
enum LMDBError {
  /// What liblmdb returns when the system wrote less than it was asked to.
  static let shortWrite = EIO

  static func storeError(_ code: Int32, _ operation: String, _ path: String) -> StoreError {
    switch code {
    case ENOSPC, EDQUOT: return .full(path: path)
    case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_CURSOR_FULL:
      return .damaged(path: path, problem: text(code))
    case MDB_VERSION_MISMATCH:
      return .unusable(
        path: path,
        problem: text(code),
        remedy: "it was made by another version of LMDB: use that, or move it away"
      )
    case EACCES, EPERM, EROFS, ENOENT, ENOTDIR:
      return .unusable(
        path: path,
        problem: "\(operation): \(text(code))",
        remedy: "check the owner and mode of the file and its directory"
      )
    case EAGAIN, EBUSY: return .busy(path: path, holder: nil)
    default:
      return .failed(operation: operation, path: path, errno: code, explanation: text(code))
    }
  }

  private static func text(_ code: Int32) -> String {
    // A static text or one of the C library's, copied at once.
    unsafe String(cString: mdb_strerror(code))
  }
}
