// SPDX-License-Identifier: ISC

import Glibc
import LMDBStore
import Policy
import Queue

/// The files that makemap reads and writes.
enum MapFiles {
  /// A text, and whose file it was in.
  struct Content {
    var bytes: [UInt8]
    /// What the map gets, too.
    var mode: UInt32 = 0o600
    var owner: (uid: UInt32, gid: UInt32)?
  }

  private static let textMax = 256 << 20

  /// `-` is standard input.
  static func read(_ path: String) throws(Makemap.Failure) -> Content {
    var descriptor = STDIN_FILENO
    if path != "-" {
      // The path is a string of ours for the time of the call.
      descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      guard descriptor >= 0 else { throw failure(path) }
    }
    defer { if path != "-" { close(descriptor) } }
    var content = Content(bytes: [])
    var facts = stat()
    // The structure is written during the call only.
    guard unsafe fstat(descriptor, &facts) == 0 else { throw failure(path) }
    if path != "-" {
      guard facts.st_mode & S_IFMT == S_IFREG else {
        throw Makemap.Failure("\(path): not a regular file")
      }
      content.mode = facts.st_mode & 0o644
      content.owner = (facts.st_uid, facts.st_gid)
    }
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
      // The array is as long as the count says.
      let count = unsafe Glibc.read(descriptor, &part, part.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(path) }
      guard count > 0 else { return content }
      content.bytes += part[..<count]
      guard content.bytes.count <= textMax else {
        throw Makemap.Failure("\(path): larger than \(textMax) bytes")
      }
    }
  }

  /// Writes a map beside `path`, makes it durable, and puts it in place: at no moment is half of it there.
  static func write(
    _ entries: [MapText.Entry],
    _ kind: MapFile.Kind,
    to path: String,
    like content: Content
  ) throws(Makemap.Failure) {
    var name = Array("\(path).XXXXXX".utf8.map { CChar(bitPattern: $0) }) + [0]
    // The call writes into the array, whose end it knows by its zero.
    let descriptor = unsafe mkstemp(&name)
    guard descriptor >= 0 else { throw failure(path) }
    let temporary = String(
      decoding: name.dropLast().map { UInt8(bitPattern: $0) },
      as: UTF8.self
    )
    defer { close(descriptor) }
    do throws(StoreError) {
      var pairs: [(key: [UInt8], value: [UInt8])] = [
        (key: MapFile.formatKey, value: Array(MapFile.formatValue(of: kind).utf8))
      ]
      for entry in entries {
        pairs.append((key: Array(entry.key.utf8), value: Array(entry.value.utf8)))
      }
      try MapWriter.write(pairs, to: temporary)
    } catch {
      unsafe unlink(temporary)
      throw Makemap.Failure("\(error)")
    }
    var isDone = fchmod(descriptor, content.mode) == 0
    if geteuid() == 0, let owner = content.owner {
      isDone = isDone && fchown(descriptor, owner.uid, owner.gid) == 0
    }
    // The paths are strings of ours for the time of the call.
    guard isDone, fsync(descriptor) == 0, unsafe rename(temporary, path) == 0 else {
      let problem = failure(path)
      unsafe unlink(temporary)
      throw problem
    }
    syncDirectory(of: path)
  }

  private static func syncDirectory(of path: String) {
    let cut = path.lastIndex(of: "/")
    let directory = cut.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    // The path is a string of ours for the time of the call.
    let descriptor = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
  }

  /// A map to read, open for as long as the program runs.
  static func open(_ path: String) throws(Makemap.Failure) -> MapFile {
    // The path is a string of ours for the time of the call.
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure(path) }
    do throws(MapFile.Fault) {
      return try MapFile { offset, count in
        var bytes = [UInt8](repeating: 0, count: count)
        // The array is as long as the count says.
        let done = unsafe pread(descriptor, &bytes, count, off_t(clamping: offset))
        return done == count ? bytes : nil
      }
    } catch {
      throw Makemap.Failure("\(path) \(error)")
    }
  }

  private static func failure(_ path: String) -> Makemap.Failure {
    Makemap.Failure("\(path): \(SystemCalls.explanation(errno))")
  }
}
