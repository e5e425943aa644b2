// SPDX-License-Identifier: ISC

internal import Glibc
internal import Policy

/// The forward file of the user who runs this, as forward(5) wants it: read anew each time.
enum ForwardFile {
  /// Why it names nothing.
  struct Failure: Error {
    let text: String
  }

  /// What bounds it.
  enum Limits {
    static let bytes = 4096
    static let nodes = 100
  }

  /// Its entries.
  static func nodes(home: String) throws(Failure) -> [ExpansionNode] {
    let path = "\(home)/.forward"
    // The string lives for the time of the call.
    let file = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    guard file >= 0 else { throw Failure(text: "\(path): \(systemText())") }
    defer { close(file) }
    var status = stat()
    // Fills the local variable.
    guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_uid == getuid(), status.st_mode & (S_IWGRP | S_IWOTH) == 0,
      status.st_size < Limits.bytes
    else { throw Failure(text: "\(path) is not a private file of its user") }
    var bytes = [UInt8](repeating: 0, count: Limits.bytes)
    // The array is as long as its count says.
    let count = unsafe read(file, &bytes, bytes.count)
    guard count >= 0, count < Limits.bytes else { throw Failure(text: "\(path) cannot be read") }
    do throws(NodeList.Fault) {
      return try NodeList(parsing: Array(bytes[..<count]), atMost: Limits.nodes).nodes
    } catch {
      throw Failure(text: "\(path): \(error)")
    }
  }

  private static func systemText() -> String {
    // The text is copied before any other call.
    unsafe String(cString: strerror(errno))
  }
}
