// SPDX-License-Identifier: ISC

internal import Disk
package import Mail
package import Queue
internal import StoreJournal

/// Reading bodies. Whoever reads the last chunk of one is told when it is not what was stored.
extension FilesystemStore {
  static let wrongChecksum = "wrong checksum"

  package func body(
    of message: MessageID,
    from offset: Int,
    count: Int
  ) throws(StoreError) -> [UInt8] {
    precondition(offset >= 0 && count >= 0)
    switch overlay[message]?.base {
    case .gone?: throw .absent
    case .journal(let origin)?:
      switch origin.body {
      case .journal(let place):
        return try bodyInJournal(of: message, from: offset, count: count, origin, place)
      case .staged(let size, let checksum):
        let wanted = BodyFacts(size: size, checksum: checksum)
        let path = stage.path(of: message)
        let read = try bodyFile(path, of: message, from: offset, count: count, wanted)
        if let read { return read }
        return try bodyInTree(of: message, from: offset, count: count, wanted)
      }
    case .tree?, nil: return try bodyInTree(of: message, from: offset, count: count, nil)
    }
  }

  /// The journal's checksum is that of the whole record, of which the body is the end.
  private func bodyInJournal(
    of message: MessageID,
    from offset: Int,
    count: Int,
    _ origin: Overlay.Origin,
    _ place: JournalPlace
  ) throws(StoreError) -> [UInt8] {
    let (bytes, isWhole) = try onDisk { () throws(DiskError) in
      let bytes = try journal.read(place, from: offset, count: count)
      var start = Checksum()
      if offset == 0 { start = try checksumBeforeBody(of: message, origin, place) }
      let sum = bodySums.sum(of: message, through: bytes, at: offset, from: start)
      guard isEnd(bytes, offset, of: Int(place.length)) else {
        bodySums.remember(sum, of: message, to: offset + bytes.count)
        return (bytes, true)
      }
      let found = try frameChecksum(of: origin)
      if let sum { return (bytes, found == sum.value) }
      // What was read before is not known any more.
      var whole = try checksumBeforeBody(of: message, origin, place)
      let body = try journal.read(place)
      whole.add(body.span)
      return (bytes, found == whole.value)
    }
    guard isWhole else { throw damagedBody(of: message, FilesystemStore.wrongChecksum) }
    return bytes
  }

  /// The checksum of a record up to the body in it.
  ///
  /// All envelopes of the message are before that, and each of them may be who reads the body: they are
  /// read once, for the first.
  private func checksumBeforeBody(
    of message: MessageID,
    _ origin: Overlay.Origin,
    _ place: JournalPlace
  ) throws(DiskError) -> Checksum {
    if let known = origin.beforeBody { return known }
    let length = Int(place.offset - origin.whole.offset)
    let head = try journal.read(origin.whole, from: 0, count: length)
    let sum = GroupWriter.partialChecksum(
      head.span,
      epoch: origin.stamp.epoch,
      sequence: origin.stamp.sequence
    )
    overlay.remember(beforeBody: sum, of: message)
    return sum
  }

  /// - Parameter wanted: nil when the message's envelopes have to be asked.
  private func bodyInTree(
    of message: MessageID,
    from offset: Int,
    count: Int,
    _ wanted: BodyFacts?
  ) throws(StoreError) -> [UInt8] {
    let path = SpoolTree.bodyPath(of: message)
    let read = try bodyFile(path, of: message, from: offset, count: count, wanted)
    guard let read else { throw .absent }
    return read
  }

  /// Nil when there is no such file.
  private func bodyFile(
    _ path: String,
    of message: MessageID,
    from offset: Int,
    count: Int,
    _ known: BodyFacts?
  ) throws(StoreError) -> [UInt8]? {
    let read = try onFile(path) { () throws(DiskError) in
      try tree.readBody(path, from: offset, count: count)
    }
    guard let (bytes, size) = read else { return nil }
    let sum = bodySums.sum(of: message, through: bytes, at: offset)
    // A file of another size is told of at once, one that is damaged when all of it was read.
    let isEnd = isEnd(bytes, offset, of: size)
    if !isEnd { bodySums.remember(sum, of: message, to: offset + bytes.count) }
    guard offset == 0 || isEnd else { return bytes }
    var wanted = known ?? BodyFacts()
    if known == nil { wanted = try filedFacts(of: message) }
    if let whole = wanted.size, whole != size {
      throw damagedBody(of: message, "\(size) bytes of \(whole)")
    }
    guard isEnd, let checksum = wanted.checksum else { return bytes }
    var found = sum?.value
    if found == nil {
      found = try onFile(path) { () throws(DiskError) in try disk.checksum(of: path) }
    }
    guard found == checksum else {
      throw damagedBody(of: message, FilesystemStore.wrongChecksum)
    }
    return bytes
  }

  /// An empty chunk behind the end comes after one that was the end.
  private func isEnd(_ bytes: [UInt8], _ offset: Int, of size: Int) -> Bool {
    offset + bytes.count >= size && !(bytes.isEmpty && offset > 0)
  }

  private func onFile<Value>(
    _ path: String,
    _ work: () throws(DiskError) -> Value
  ) throws(StoreError) -> Value {
    do throws(DiskError) {
      return try work()
    } catch {
      guard error.isAboutOneFile else { throw error.storeError(in: disk.root) }
      throw .damaged(path: "\(disk.root)/\(path)", problem: error.explanation)
    }
  }

  private func damagedBody(of message: MessageID, _ problem: String) -> StoreError {
    .damaged(path: "\(disk.root): message \(message)", problem: problem)
  }

  /// What the files of a message's envelopes say of its body, or where those are not written yet, the
  /// journal.
  private func filedFacts(of message: MessageID) throws(StoreError) -> BodyFacts {
    var facts = try onDisk { () throws(DiskError) in try tree.bodyFacts(of: message) }
    if facts.size == nil { facts.size = try anyMessage(message)?.size }
    return facts
  }

  // MARK: Checking

  /// What is wrong with the file of a body, all of which is read where it has a checksum; nil when
  /// nothing is.
  func problem(ofBody path: String, _ wanted: BodyFacts) throws(DiskError) -> String? {
    do {
      let start = try tree.readBody(path, from: 0, count: 1)
      let size = start?.size ?? 0
      if let whole = wanted.size, whole != size { return "\(size) bytes of \(whole)" }
      guard let checksum = wanted.checksum, try disk.checksum(of: path) != checksum
      else { return nil }
      return FilesystemStore.wrongChecksum
    } catch let error where error.isAboutOneFile {
      return error.explanation
    }
  }
}
