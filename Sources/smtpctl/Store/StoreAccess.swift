// SPDX-License-Identifier: ISC

import Queue

/// How `smtpctl` comes by the store of a daemon that is stopped.
struct StoreAccess: Sendable {
  /// The store of a backend (`fs`, `sqlite`, `lmdb`) in a spool directory, not opened yet.
  var make: @Sendable (_ backend: String, _ spool: String) throws(StoreError) -> any Store
  /// How large bodies are staged for that store; nil when it takes them as they are.
  var stage: @Sendable (_ backend: String, _ spool: String) -> StoreCopy.StageBody?
  /// Becomes the user whose spool it is, for good, when the invoking user is root.
  var becomeOwner: @Sendable (_ spool: String) throws(CommandFailure) -> Void
  /// Makes a spool directory if there is none, for the user whose spool `model` is.
  var prepare: @Sendable (_ spool: String, _ model: String) throws(CommandFailure) -> Void
  /// The content of a small file; nil when there is none.
  var read: @Sendable (_ path: String) throws(CommandFailure) -> [UInt8]?
  /// Writes the word of the backend into a spool.
  var writeBackend: @Sendable (_ backend: String, _ spool: String) throws(CommandFailure) -> Void
  /// Whether there is a directory of that name.
  var isDirectory: @Sendable (_ path: String) -> Presence

  enum Presence {
    case present
    case absent
  }

  /// The words of backends that outlive their process.
  static let backends = ["fs", "sqlite", "lmdb"]

  /// The word of the backend that a spool was written by; nil when it is no spool.
  ///
  /// A spool that OpenSMTPD left has no such word, but a directory `queue`.
  func backend(of spool: String) throws(CommandFailure) -> String? {
    if let content = try read(spool + "/backend") {
      let word =
        String(decoding: content.prefix(64), as: UTF8.self)
        .split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
      guard StoreAccess.backends.contains(word) else {
        throw .failed("\(spool)/backend: unknown backend")
      }
      return word
    }
    return isDirectory(spool + "/queue") == .present ? "fs" : nil
  }
}
