// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
internal import Queue

/// The files: `queue/XX/MMMMMMMM/` with `message` and a file for each envelope.
///
/// Knows paths and order, and nothing of the journal.
final class SpoolTree {
  static let queue = "queue"
  static let incoming = "incoming"
  static let body = "message"

  let disk: any Disk
  /// The messages of one bucket in rising order. Some may be gone.
  private var listed: (bucket: UInt32, ids: [MessageID])?
  /// The buckets that have directories, in rising order.
  private var buckets: [UInt32]?
  /// Buckets that could not be listed since the last `takeUnreadableBuckets`, by their paths.
  private var unreadableBuckets: [String: String] = [:]

  init(disk: any Disk) { self.disk = disk }

  static func bucket(of id: MessageID) -> String { "\(queue)/\("\(id)".prefix(2))" }
  static func path(of id: MessageID) -> String { "\(bucket(of: id))/\(id)" }
  static func path(of id: EnvelopeID) -> String { "\(path(of: id.message))/\(id)" }
  static func bodyPath(of id: MessageID) -> String { "\(path(of: id))/\(body)" }

  /// The least message behind `id` that has a directory (or had one a moment ago).
  func next(after id: MessageID?) throws(DiskError) -> MessageID? {
    var least = (id?.rawValue ?? 0)
    guard least < .max else { return nil }
    least += 1
    for bucket in try existingBuckets() where bucket >= least >> 24 {
      let ids = try messages(in: bucket)
      var low = 0
      var high = ids.count
      while low < high {
        let middle = (low + high) / 2
        if ids[middle].rawValue < least { low = middle + 1 } else { high = middle }
      }
      if low < ids.count { return ids[low] }
    }
    return nil
  }

  private func existingBuckets() throws(DiskError) -> [UInt32] {
    if let buckets { return buckets }
    var found: [UInt32] = []
    for entry in try disk.list(SpoolTree.queue)
    where entry.kind == .directory && entry.name.utf8.count == 2 {
      if let number = UInt32(entry.name, radix: 16) { found.append(number) }
    }
    found.sort()
    buckets = found
    return found
  }

  private func messages(in bucket: UInt32) throws(DiskError) -> [MessageID] {
    if let listed, listed.bucket == bucket { return listed.ids }
    let digits = String(bucket, radix: 16)
    let name = "\(SpoolTree.queue)/\(digits.utf8.count < 2 ? "0" : "")\(digits)"
    let entries: [DiskEntry]
    do {
      entries = try disk.list(name)
    } catch let error where error.code == .absent {
      return []
    } catch let error where error.isAboutOneFile {
      unreadableBuckets[name] = error.explanation
      return []
    }
    var ids: [MessageID] = []
    for entry in entries where entry.kind == .directory {
      guard let id = MessageID(hexadecimal: entry.name), id.rawValue >> 24 == bucket,
        "\(id)" == entry.name
      else { continue }
      ids.append(id)
    }
    ids.sort()
    listed = (bucket, ids)
    return ids
  }

  /// Buckets that were left out of `next`, and why.
  func takeUnreadableBuckets() -> [String: String] {
    defer { unreadableBuckets = [:] }
    return unreadableBuckets
  }

  /// A directory of `id` was made.
  func appeared(_ id: MessageID) {
    if let known = buckets, !known.contains(id.rawValue >> 24) { buckets = nil }
    guard var list = listed, list.bucket == id.rawValue >> 24 else { return }
    listed = nil
    let index =
      (list.ids.last.map { $0 < id } ?? true)
      ? list.ids.count : list.ids.firstIndex { $0 >= id } ?? list.ids.count
    if index == list.ids.count || list.ids[index] != id { list.ids.insert(id, at: index) }
    listed = list
  }

  /// Forgets what was listed: somebody else may have changed it.
  func forgetListing() {
    listed = nil
    buckets = nil
  }

  /// The envelopes that have files, in rising order; nil when there is no such message.
  func envelopes(of id: MessageID) throws(DiskError) -> [EnvelopeID]? {
    try envelopes(of: id, in: SpoolTree.path(of: id))
  }

  /// The same of a directory that may be elsewhere.
  func envelopes(of id: MessageID, in directory: String) throws(DiskError) -> [EnvelopeID]? {
    let entries: [DiskEntry]
    do {
      entries = try disk.list(directory)
    } catch let error where error.code == .absent {
      return nil
    }
    var ids: [EnvelopeID] = []
    for entry in entries where entry.kind == .file {
      if let envelope = EnvelopeID(hexadecimal: entry.name), envelope.message == id,
        "\(envelope)" == entry.name
      {
        ids.append(envelope)
      }
    }
    return ids.sorted()
  }

  func contains(_ id: MessageID) throws(DiskError) -> Bool {
    do {
      return try disk.facts(SpoolTree.path(of: id)) != nil
    } catch let error where error.isAboutOneFile {
      return true
    }
  }

  /// The size of the body's file; nil when there is none.
  func bodySize(of id: MessageID) throws(DiskError) -> Int? {
    guard let facts = try disk.facts(SpoolTree.bodyPath(of: id)), facts.kind == .file else {
      return nil
    }
    return facts.size
  }

  /// What OpenSMTPD may have done to its files.
  enum Packing: String {
    case compressed
    case encrypted

    /// Of its configuration.
    var word: String { self == .compressed ? "compression" : "encryption" }
  }

  /// How the envelopes of a message are packed: a gzip stream, or version, vector and tag around
  /// ciphertext. Nil for text, and where there is nothing to be seen.
  func packing(of id: MessageID) throws(DiskError) -> Packing? {
    do {
      guard let envelope = try envelopes(of: id)?.first,
        let start = try disk.content(of: SpoolTree.path(of: envelope), atMost: 64)
      else { return nil }
      if start.starts(with: [0x1f, 0x8b]) { return .compressed }
      return start.first == 1 && start.count > 29 ? .encrypted : nil
    } catch let error where error.isAboutOneFile {
      return nil
    }
  }

  enum Loaded {
    case stored(StoredEnvelope)
    case absent
    case unreadable(String)
  }

  /// Reads an envelope's file. A size that it does not tell is the body's.
  func load(_ id: EnvelopeID, bodySize: Int) throws(DiskError) -> Loaded {
    let content: [UInt8]?
    do {
      content = try disk.content(
        of: SpoolTree.path(of: id),
        atMost: EnvelopeText.fileMax + 1
      )
    } catch let error where error.isAboutOneFile {
      return .unreadable(error.explanation)
    }
    guard let content else { return .absent }
    do throws(EnvelopeTextError) {
      var stored = try EnvelopeText.decode(content, id: id)
      if stored.message.size == 0 { stored.message.size = bodySize }
      return .stored(stored)
    } catch {
      return .unreadable(error.description)
    }
  }

  /// What the first envelope's file that can be read says of the body.
  func bodyFacts(of id: MessageID) throws(DiskError) -> BodyFacts {
    try bodyFacts(of: id, in: SpoolTree.path(of: id))
  }

  /// The same of a directory that may be elsewhere.
  func bodyFacts(of id: MessageID, in directory: String) throws(DiskError) -> BodyFacts {
    do {
      for envelope in try envelopes(of: id, in: directory) ?? [] {
        guard let content = try text(of: envelope, in: directory) else { continue }
        let size = content.stored.message.size
        return BodyFacts(size: size == 0 ? nil : size, checksum: content.bodyChecksum)
      }
    } catch let error where error.isAboutOneFile {}
    return BodyFacts()
  }

  /// Nil when there is no such file, or none that can be read.
  func text(
    of id: EnvelopeID,
    in directory: String
  ) throws(DiskError) -> EnvelopeText.Content? {
    try text(of: id, at: "\(directory)/\(id)")
  }

  /// The same of a file that may have another name.
  func text(of id: EnvelopeID, at path: String) throws(DiskError) -> EnvelopeText.Content? {
    do {
      let content = try disk.content(of: path, atMost: EnvelopeText.fileMax + 1)
      return content.flatMap { try? EnvelopeText.content($0, id: id) }
    } catch let error where error.isAboutOneFile {
      return nil
    }
  }

  /// Reads a body's file, here or in the stage. Nil when there is none.
  ///
  /// - Returns: up to `count` bytes, and how many the file has.
  func readBody(
    _ path: String,
    from offset: Int,
    count: Int
  ) throws(DiskError) -> (bytes: [UInt8], size: Int)? {
    let file: OpenFile
    do {
      file = try disk.open(path, .read)
    } catch let error where error.code == .absent {
      return nil
    }
    defer { disk.close(file) }
    return (try disk.read(file, at: offset, count: count), try disk.size(of: file))
  }
}

/// What is known of a body before it is read: nothing where OpenSMTPD has written it.
struct BodyFacts {
  var size: Int?
  /// CRC-32C.
  var checksum: UInt32?
}
