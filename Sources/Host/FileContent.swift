// SPDX-License-Identifier: ISC

package import Configuration
internal import Glibc

/// Reads small files whole.
package enum FileContent {
  /// Whether a file is there that this user may not read.
  package static func isForbidden(_ path: String) -> Bool {
    // A path is read during the call only.
    unsafe access(path, R_OK) != 0 && errno == EACCES
  }

  /// All bytes of a regular file.
  package static func read(
    _ path: String,
    atMost limit: Int
  ) -> Result<[UInt8], UnreadableFile> {
    // A path is read during the call only.
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      let isForbidden = errno == EACCES
      return .failure(UnreadableFile(reason: systemError(), isForbidden: isForbidden))
    }
    defer { close(file) }
    return read(open: file, atMost: limit)
  }

  /// All bytes of a regular file that is open, and stays so.
  package static func read(
    open file: CInt,
    atMost limit: Int
  ) -> Result<[UInt8], UnreadableFile> {
    var facts = stat()
    // The structure is written during the call only.
    guard unsafe fstat(file, &facts) == 0 else {
      return .failure(UnreadableFile(reason: systemError()))
    }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      return .failure(UnreadableFile(reason: "not a regular file"))
    }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      // The buffer is as long as the count says.
      let count = unsafe Glibc.read(file, &buffer, buffer.count)
      guard count >= 0 else { return .failure(UnreadableFile(reason: systemError())) }
      guard count > 0 else { return .success(content) }
      content += buffer[..<count]
      guard content.count <= limit else {
        return .failure(UnreadableFile(reason: "larger than \(limit) bytes"))
      }
    }
  }

  /// What the last call that failed says of it.
  private static func systemError() -> String {
    // The text is copied before any other call.
    guard let text = unsafe strerror(errno) else { return "error \(errno)" }
    return unsafe String(cString: text)
  }
}
