// SPDX-License-Identifier: ISC

import Glibc
import Testing

@testable import Delivery

/// A directory that goes with the test.
final class TemporaryRoom {
  let path: String

  init() throws {
    var template = Array("/tmp/talaria-test-XXXXXX".utf8CString)
    // mkdtemp(3) changes the six letters in place.
    let made = unsafe mkdtemp(&template) != nil
    try #require(made)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    for name in names(in: path) {
      // The strings live for the time of the calls.
      if unsafe unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
    }
    // As above.
    unsafe rmdir(path)
  }

  static func names(in path: String) -> [String] {
    // The stream is open until `closedir`; the name is copied.
    guard let stream = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      // The name ends with a zero byte within the entry.
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// A file's content; the path is below the directory.
  func content(_ path: String) throws -> String {
    // The string lives for the time of the call.
    let descriptor = unsafe open("\(self.path)/\(path)", O_RDONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var all: [UInt8] = []
    while true {
      let bytes = try MaildirFile.read(descriptor, room: 1 << 16)
      guard !bytes.isEmpty else { return String(decoding: all, as: UTF8.self) }
      all += bytes
    }
  }

  /// Makes a file below the directory.
  func make(_ name: String, _ content: String) throws {
    let descriptor = try MaildirFile.create("\(path)/\(name)")
    defer { close(descriptor) }
    try MaildirFile.writeAll(descriptor, Array(content.utf8))
  }
}
