// SPDX-License-Identifier: ISC

internal import Configuration
internal import Glibc
internal import Interprocess

/// Reads small files whole.
enum FileContent {
  /// Whether a file is there that this user may not read.
  static func isForbidden(_ path: String) -> Bool {
    // A path is read during the call only.
    unsafe access(path, R_OK) != 0 && errno == EACCES
  }

  /// All bytes of a regular file.
  static func read(_ path: String, atMost limit: Int) -> Result<[UInt8], UnreadableFile> {
    // A path is read during the call only.
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else {
      let isForbidden = errno == EACCES
      return .failure(UnreadableFile(reason: systemError(), isForbidden: isForbidden))
    }
    return read(Descriptor(owning: number), atMost: limit)
  }

  /// All bytes of a regular file that is open.
  static func read(
    _ file: consuming Descriptor,
    atMost limit: Int
  ) -> Result<[UInt8], UnreadableFile> {
    let file = file
    var facts = stat()
    // The structure is written during the call only.
    guard unsafe fstat(file.borrow(), &facts) == 0 else {
      return .failure(UnreadableFile(reason: systemError()))
    }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      return .failure(UnreadableFile(reason: "not a regular file"))
    }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      // The buffer is as long as the count says.
      let count = unsafe Glibc.read(file.borrow(), &buffer, buffer.count)
      guard count >= 0 else { return .failure(UnreadableFile(reason: systemError())) }
      guard count > 0 else { return .success(content) }
      content += buffer[..<count]
      guard content.count <= limit else {
        return .failure(UnreadableFile(reason: "larger than \(limit) bytes"))
      }
    }
  }
}
