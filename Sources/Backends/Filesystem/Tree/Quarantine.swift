// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
internal import Queue

/// What could not be read, moved aside below `quarantine/`: each thing with a note `NAME.why` that
/// says why, where it was and when. Nothing here is ever deleted by us.
///
/// What cannot be moved is left where it is, and listed and counted all the same until the spool is
/// opened again.
struct Quarantine {
  static let directory = "quarantine"
  private static let noteSuffix = ".why"
  private static let noteMax = 8192
  static let contentMax = 1 << 20

  let disk: any Disk
  /// How many things there are.
  var count: Int { moved + left.count }
  private var moved = 0
  /// What could not be moved, by name.
  private var left: [String: Left] = [:]
  private var leftPaths: Set<String> = []
  /// Messages with an envelope here, or left in its place: they stay for it.
  private(set) var awaited: Set<MessageID> = []

  private struct Left {
    let path: String
    let reason: String
    let when: Instant
  }

  init(disk: any Disk) { self.disk = disk }

  mutating func open() throws(DiskError) {
    left = [:]
    leftPaths = []
    moved = try names().count
    try lookForAwaited()
  }

  private mutating func lookForAwaited() throws(DiskError) {
    awaited = []
    for name in try names() + left.keys { expect(name) }
  }

  private mutating func expect(_ name: String) {
    if let id = QuarantinedRecord.awaiting(name) { awaited.insert(id) }
  }

  /// Whether there is something of the journal that cannot be read: what it was about nobody knows.
  func hasJournal() throws(DiskError) -> Bool {
    try names().contains { $0.hasPrefix("journal-") || $0.hasPrefix("record-") }
  }

  // MARK: Left in place

  func isLeft(_ path: String) -> Bool { !leftPaths.isEmpty && leftPaths.contains(path) }

  /// Where a thing is that was left in its place.
  func left(_ name: String) -> String? { left[name]?.path }

  func whyLeft(_ path: String) -> String? { left.values.first { $0.path == path }?.reason }

  mutating func leave(_ path: String, as name: String, because reason: String, at now: Instant) {
    left[name] = Left(path: path, reason: Envelope.errorText(reason), when: now)
    leftPaths.insert(path)
    expect(name)
  }

  mutating func forgetLeft(_ name: String) {
    if let gone = left.removeValue(forKey: name) { leftPaths.remove(gone.path) }
    // What cannot be listed now keeps more messages than it must.
    try? lookForAwaited()
  }

  // MARK: Moved

  private func names() throws(DiskError) -> [String] {
    try disk.list(Quarantine.directory).map(\.name)
      .filter { !$0.hasSuffix(Quarantine.noteSuffix) }.sorted()
  }

  private func path(_ name: String) -> String { "\(Quarantine.directory)/\(name)" }

  /// What things of one wish are called, from 1.
  private static func name(_ wish: String, _ number: Int) -> String {
    number == 1 ? wish : "\(wish)-\(number)"
  }

  /// The first number whose name is not taken.
  private func freeNumber(_ wish: String) throws(DiskError) -> Int {
    var number = 1
    while try disk.facts(path(Quarantine.name(wish, number))) != nil { number += 1 }
    return number
  }

  /// The directory of a message that was moved here; the last one, if there are several.
  func directory(of message: MessageID) throws(DiskError) -> String? {
    let wish = "message-\(message)"
    let free = try freeNumber(wish)
    return free > 1 ? path(Quarantine.name(wish, free - 1)) : nil
  }

  /// Moves a file or a directory here, durably; one that cannot be moved is left in its place.
  mutating func take(
    _ source: String,
    as wish: String,
    because reason: String,
    at now: Instant
  ) throws(DiskError) {
    let name: String
    do {
      name = Quarantine.name(wish, try freeNumber(wish))
      try writeNote(name, reason, source, now)
      try disk.rename(source, to: path(name))
    } catch {
      try? disk.removeIfPresent(path(wish + Quarantine.noteSuffix))
      return leave(
        source,
        as: wish,
        because: "\(reason); left in \(source): \(error.explanation)",
        at: now
      )
    }
    moved += 1
    expect(name)
    try disk.synchronizeDirectory(Quarantine.directory)
    try disk.synchronizeDirectory(parentDirectory(of: source))
  }

  /// Keeps a copy of bytes that cannot be moved, durably.
  mutating func keep(
    _ bytes: [UInt8],
    as wish: String,
    from source: String,
    because reason: String,
    at now: Instant
  ) throws(DiskError) {
    // The same damage is found again at every start until its file is written over.
    guard try disk.facts(path(wish)) == nil else { return }
    try writeNote(wish, reason, source, now)
    try disk.replace(path(wish), with: bytes, through: "\(SpoolTree.incoming)/quarantine.tmp")
    moved += 1
  }

  private func writeNote(
    _ name: String,
    _ reason: String,
    _ source: String,
    _ now: Instant
  ) throws(DiskError) {
    let text = "reason: \(Envelope.errorText(reason))\nfrom: \(source)\nwhen: \(now.milliseconds)\n"
    try disk.replace(
      path(name + Quarantine.noteSuffix),
      with: Array(text.utf8),
      through: "\(SpoolTree.incoming)/quarantine.tmp"
    )
  }

  private func note(_ name: String) throws(DiskError) -> [Substring: Substring] {
    let content = try disk.content(
      of: path(name + Quarantine.noteSuffix),
      atMost: Quarantine.noteMax
    )
    var fields: [Substring: Substring] = [:]
    for line in String(decoding: content ?? [], as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      fields[parts[0]] = parts[1].drop { $0 == " " }
    }
    return fields
  }

  func records() throws(DiskError) -> [QuarantinedRecord] {
    var records: [QuarantinedRecord] = []
    for name in try names() {
      let note = try note(name)
      let facts = try disk.facts(path(name))
      let when = note["when"].flatMap { Int64($0) } ?? facts?.modifiedMilliseconds ?? 0
      records.append(
        QuarantinedRecord(
          name: name,
          reason: note["reason"].map { String($0) } ?? "unknown",
          size: facts?.size ?? 0,
          when: Instant(milliseconds: when)
        )
      )
    }
    for (name, thing) in left.sorted(by: { $0.key < $1.key }) {
      let size = (try? disk.facts(thing.path))?.size ?? 0
      records.append(
        QuarantinedRecord(name: name, reason: thing.reason, size: size, when: thing.when)
      )
    }
    return records
  }

  /// The bytes of one thing; of a directory those of its files, one behind the other. Nil when there
  /// is none of that name.
  func content(of name: String) throws(DiskError) -> [UInt8]? {
    let place = left[name]?.path ?? path(name)
    guard isName(name), let facts = try disk.facts(place) else { return nil }
    guard facts.kind == .directory else {
      return try disk.content(of: place, atMost: Quarantine.contentMax)
    }
    var content: [UInt8] = []
    for entry in try disk.list(place).sorted(by: { $0.name < $1.name }) {
      let room = Quarantine.contentMax - content.count
      guard room > 0, entry.kind == .file else { continue }
      content += try disk.content(of: "\(place)/\(entry.name)", atMost: room) ?? []
    }
    return content
  }

  /// Those that were moved here as a whole.
  func messages() throws(DiskError) -> [MessageID] {
    try names().filter { $0.hasPrefix("message-") }
      .compactMap { QuarantinedRecord.message(named: $0) }
  }

  /// Whether something of that message is here, so that its number must not be used again.
  func has(_ id: MessageID) throws(DiskError) -> Bool {
    try (names() + left.keys).contains {
      $0.hasPrefix("envelope-\(id)") || $0.hasPrefix("message-\(id)")
    }
  }

  func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 128 && name.first != "."
      && !name.utf8.contains(0x2f) && !name.utf8.contains(0)
      && !name.hasSuffix(Quarantine.noteSuffix)
  }

  func isDirectory(_ name: String) throws(DiskError) -> Bool? {
    guard isName(name), let facts = try disk.facts(path(name)) else { return nil }
    return facts.kind == .directory
  }

  /// Moves one thing back to `target`, durably.
  mutating func giveBack(_ name: String, to target: String) throws(DiskError) {
    try disk.rename(path(name), to: target)
    try disk.synchronizeDirectory(parentDirectory(of: target))
    try disk.removeIfPresent(path(name + Quarantine.noteSuffix))
    try disk.synchronizeDirectory(Quarantine.directory)
    moved -= 1
    try? lookForAwaited()
  }
}
