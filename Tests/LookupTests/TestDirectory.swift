// SPDX-License-Identifier: ISC

import Glibc

/// A directory of a test's own, which goes with it.
final class TestDirectory: Sendable {
  let path: String

  init() {
    var name = Array("/tmp/talaria-lookup.XXXXXX".utf8.map { CChar(bitPattern: $0) }) + [0]
    // The call writes into the array, whose end it knows by its zero.
    let made = unsafe mkdtemp(&name) != nil
    precondition(made)
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    setMode(0o755)
  }

  deinit {
    setMode(0o755)
    if let directory = unsafe opendir(path) {
      while let entry = unsafe readdir(directory) {
        let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { remove(name) }
      }
      unsafe closedir(directory)
    }
    unsafe rmdir(path)
  }

  func write(_ name: String, _ text: String, mode: mode_t = 0o644) {
    write(name, Array(text.utf8), mode: mode)
  }

  func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) {
    remove(name)
    // The path and the array are read during the calls only.
    let file = unsafe open("\(path)/\(name)", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    precondition(file >= 0)
    precondition(unsafe Glibc.write(file, bytes, bytes.count) == bytes.count)
    precondition(fchmod(file, mode) == 0)
    close(file)
  }

  func remove(_ name: String) {
    // Paths are read during the calls only.
    if unsafe unlink("\(path)/\(name)") != 0 { unsafe rmdir("\(path)/\(name)") }
  }

  func link(_ target: String, as name: String) {
    precondition(unsafe symlink(target, "\(path)/\(name)") == 0)
  }

  func hardLink(_ target: String, as name: String) {
    precondition(unsafe Glibc.link("\(path)/\(target)", "\(path)/\(name)") == 0)
  }

  func makeDirectory(_ name: String) {
    precondition(unsafe mkdir("\(path)/\(name)", 0o755) == 0)
  }

  func makePipe(_ name: String) { precondition(unsafe mkfifo("\(path)/\(name)", 0o644) == 0) }

  func setMode(_ mode: mode_t) { precondition(unsafe chmod(path, mode) == 0) }

  func own(_ name: String, _ user: uid_t) {
    precondition(unsafe chown("\(path)/\(name)", user, user) == 0)
  }
}
