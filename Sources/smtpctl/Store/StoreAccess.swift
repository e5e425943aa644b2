// SPDX-License-Identifier: ISC

import Configuration
import Disk
import Queue

/// How `smtpctl` comes by the store of a daemon that is stopped.
struct StoreAccess: Sendable {
  /// The store of a backend in a spool directory, not opened yet.
  var make:
    @Sendable (_ backend: QueueBackend, _ spool: String, SpoolLocking) throws(StoreError) ->
      any Store
  /// How large bodies are staged for that store, which is open; nil when it takes them as they are.
  var stage:
    @Sendable (_ backend: QueueBackend, _ spool: String) throws(StoreError) -> StoreCopy.StageBody?
  /// The right to work on a spool, held as long as the object is.
  var lock: @Sendable (_ spool: String) throws(StoreError) -> AnyObject
  /// Gives up the space that a spool has reserved for a full disk. Returns whether it had any.
  var releaseReserve: @Sendable (_ spool: String) throws(StoreError) -> Bool
  /// Whether a spool has a store of that kind.
  var presence: @Sendable (_ backend: QueueBackend, _ spool: String) throws(StoreError) -> Presence
  /// Becomes the user whose spool it is, for good, when the invoking user is root.
  var becomeOwner: @Sendable (_ spool: String, Use) throws(CommandFailure) -> Void
  /// Makes a spool directory if there is none, for the user whose spool `model` is.
  var prepare: @Sendable (_ spool: String, _ model: String) throws(CommandFailure) -> Void
  /// The one path of a directory that has several; the same where there is none.
  var canonical: @Sendable (_ path: String) -> String
  /// The content of a small file; nil when there is none.
  var read: @Sendable (_ path: String) throws(CommandFailure) -> [UInt8]?
  /// Writes the word of the backend into a spool, durable on return.
  var writeBackend:
    @Sendable (_ backend: QueueBackend, _ spool: String) throws(CommandFailure) -> Void

  /// What is done with a spool.
  enum Use {
    case read
    case change
  }

  enum Presence {
    case present
    case absent
  }

  /// The backends that outlive their process.
  static let backends: [QueueBackend] = [.filesystem, .sqlite, .lmdb]

  /// The backend that a spool was last served with; nil when it is no spool.
  ///
  /// A spool that OpenSMTPD left does not say, but has files.
  func backend(of spool: String) throws(CommandFailure) -> QueueBackend? {
    if let content = try read(spool + "/backend") {
      let word =
        String(decoding: content.prefix(64), as: UTF8.self)
        .split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
      guard let backend = QueueBackend(rawValue: word) else {
        throw .failed("\(spool)/backend: unknown backend")
      }
      guard backend != .memory else {
        throw .failed("\(spool): a queue in memory is gone with its daemon")
      }
      return backend
    }
    do throws(StoreError) {
      return try presence(.filesystem, spool) == .present ? .filesystem : nil
    } catch .failed(_, _, let number, _) where SpoolFiles.isAbsence(number) {
      return nil
    } catch {
      throw .store(error)
    }
  }
}
