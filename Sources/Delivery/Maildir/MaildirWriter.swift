// SPDX-License-Identifier: ISC

/// Writes one message into a maildir: into `tmp`, synced, moved to `new`, both directories synced.
struct MaildirWriter {
  typealias Failure = MaildirDelivery.Failure

  private static let chunk = 64 * 1024

  private let request: MaildirDelivery.Request

  init(_ request: MaildirDelivery.Request) { self.request = request }

  /// Reads the message from `descriptor`.
  func deliver(from descriptor: CInt) throws(Failure) {
    var folder = request.directory
    try prepare(folder)
    if !request.folder.isEmpty {
      let sub = "\(request.directory)/.\(request.folder)"
      if MaildirFile.isDirectory(sub) {
        try prepare(sub)
        folder = sub
      }
    }
    let name = Self.uniqueName()
    let temporary = "\(folder)/tmp/\(name)"
    let file = try MaildirFile.create(temporary)
    var isOpen = true
    do throws(Failure) {
      let isSpam = try copy(from: descriptor, to: file)
      try MaildirFile.synchronize(file)
      MaildirFile.close(file)
      isOpen = false
      if isSpam, request.junk == .ownFolder {
        folder = "\(request.directory)/.Junk"
        try prepare(folder)
      }
      try MaildirFile.move(temporary, to: "\(folder)/new/\(name)")
      try MaildirFile.synchronize(directory: "\(folder)/new")
    } catch {
      if isOpen { MaildirFile.close(file) }
      MaildirFile.remove(temporary)
      throw error
    }
  }

  /// Copies exactly the bytes that were announced. Returns whether the header says spam.
  private func copy(from source: CInt, to file: CInt) throws(Failure) -> Bool {
    var mark = SpamMark()
    var received = 0
    while true {
      let bytes = try MaildirFile.read(source, room: Self.chunk)
      guard !bytes.isEmpty else { break }
      received += bytes.count
      try request.length.check(received, isEnd: false)
      mark.read(bytes)
      try MaildirFile.writeAll(file, bytes)
    }
    try request.length.check(received, isEnd: true)
    return mark.isSpam
  }

  /// Makes what is missing of a maildir, and its parents' entries durable.
  private func prepare(_ folder: String) throws(Failure) {
    var madeAny = false
    try makeDirectories(folder)
    for part in ["tmp", "new", "cur"] where try MaildirFile.makeDirectory("\(folder)/\(part)") {
      madeAny = true
    }
    if madeAny { try MaildirFile.synchronize(directory: folder) }
  }

  /// Makes a directory and what is missing above it, each entry durable.
  private func makeDirectories(_ path: String) throws(Failure) {
    guard !MaildirFile.isDirectory(path) else { return }
    let parent = Self.parent(of: path)
    if parent != path { try makeDirectories(parent) }
    if try MaildirFile.makeDirectory(path) {
      try MaildirFile.synchronize(directory: parent)
    }
  }

  private static func parent(of path: String) -> String {
    var parts = path.split(separator: "/", omittingEmptySubsequences: true)
    if !parts.isEmpty { parts.removeLast() }
    let parent = parts.joined(separator: "/")
    if path.hasPrefix("/") { return "/" + parent }
    return parent.isEmpty ? "." : parent
  }

  /// `time.8hex.host`.
  private static func uniqueName() -> String {
    let digits = String(UInt32.random(in: 0 ... .max), radix: 16)
    let filled = String(repeating: "0", count: 8 - digits.utf8.count) + digits
    return "\(MaildirFile.seconds).\(filled).\(MaildirFile.hostName)"
  }
}
