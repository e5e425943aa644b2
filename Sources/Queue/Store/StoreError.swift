// SPDX-License-Identifier: ISC

package import Mail

/// Why a store could not do what it was asked: always an operating failure, never a peer's.
package enum StoreError: Error, Equatable, Sendable {
  /// Another process has the store; its process id if it could be found out.
  case busy(path: String, holder: Int32?)
  /// Written by a version of Talaria that knows more than this one.
  case newerVersion(path: String, found: Int, supported: Int)
  /// There is no such message or envelope.
  case absent
  /// There is a message of this identifier, and it is left as it is. Nothing of what was asked was done.
  case exists(MessageID)
  /// No space, or only the reserve is left.
  case full(path: String)
  /// A record, a page or a file is not what was written.
  case damaged(path: String, problem: String)
  /// A system call failed.
  case failed(operation: String, path: String, errno: Int32, explanation: String)
  /// An earlier failure made it unsafe to go on; `reopen` first.
  case sealed(path: String)
  /// As `sealed`, and opening again has failed, too; that is tried again and again.
  indirect case unwell(StoreError)
  /// The directory or database cannot be used at all: ownership, mode, kind. Says what to do.
  case unusable(path: String, problem: String, remedy: String)
}

extension StoreError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .busy(let path, let holder):
      "\(path) is in use by " + (holder.map { "process \($0)" } ?? "another process")
    case .newerVersion(let path, let found, let supported):
      "\(path) was written by a newer version (format \(found), this one reads up to \(supported))"
    case .absent: "no such message"
    case .exists(let id): "there is a message \(id) already"
    case .full(let path): "\(path): no space left"
    case .damaged(let path, let problem): "\(path): damaged: \(problem)"
    case .failed(let operation, let path, _, let explanation):
      "\(path): \(operation): \(explanation)"
    case .sealed(let path): "\(path): an earlier write failed; waiting to recover"
    case .unwell(let cause): "the store cannot be used now, which is tried again: \(cause)"
    case .unusable(let path, let problem, let remedy): "\(path): \(problem); \(remedy)"
    }
  }
}
