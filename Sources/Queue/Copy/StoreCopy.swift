// SPDX-License-Identifier: ISC

package import Mail

/// Copies a queue that nobody serves from one store into another.
///
/// The destination must be empty, or have an unfinished copy of the same source, which is then brought
/// up to date and finished: until the end it carries a mark, the setting `copy.source`, and must not be
/// served. Each message arrives as a whole, durable; at the end everything is compared, bodies byte by
/// byte, and only then is the mark removed. The source is only read (what it finds unreadable it moves
/// into its own quarantine, which is not copied). Stores that keep whole seconds count as equal.
package struct StoreCopy {
  /// The setting that marks an unfinished copy; its value is the source's name.
  package static let mark = "copy.source"

  /// Writes a large body as a file of the destination, durable on return. `chunk` reads up to
  /// `StoreCopy.Limits.chunk` bytes from an offset; an empty one is the end. Returns the size.
  package typealias StageBody = (
    _ message: MessageID, _ chunk: (_ offset: Int) throws(StoreError) -> [UInt8]
  ) throws(StoreError) -> Int

  package struct Limits: Sendable {
    /// Messages and bytes of bodies that are made durable together.
    package var messages = 64
    package var bytes = 4 << 20
    package var page = 256
    /// Bodies beyond this are staged where staging is possible.
    package var inline = 256 << 10
    package var chunk = 256 << 10

    package init() {}
  }

  package struct Progress: Equatable, Sendable {
    package var messagesCopied = 0
    /// Were there from an earlier, unfinished copy.
    package var messagesPresent = 0
    package var envelopes = 0
    package var bytes = 0
    package var messagesVerified = 0
    /// Records in the source's quarantine, which are not copied.
    package var quarantined = 0
  }

  let source: any Store
  let destination: any Store
  let name: String
  let settings: [String]
  let stage: StageBody?
  let limits: Limits
  private var batch: [NewMessage] = []
  private var batchBytes = 0
  var progress = Progress()

  /// - Parameters:
  ///   - source: open; served by nobody until the copy is done.
  ///   - name: of the source, so that an unfinished copy is not taken for that of another.
  ///   - settings: the names of the settings that go with the queue.
  ///   - stage: nil for a destination that keeps all bodies itself.
  package init(
    from source: any Store,
    named name: String,
    to destination: any Store,
    settings: [String],
    stage: StageBody?,
    limits: Limits = Limits()
  ) {
    self.source = source
    self.name = String(decoding: name.utf8.prefix(4096), as: UTF8.self)
    self.destination = destination
    self.settings = settings
    self.stage = stage
    self.limits = limits
  }

  /// Copies, compares, and finishes. Interrupted at any point it can be run again.
  package mutating func run(
    _ report: (Progress) -> Void
  ) throws(CopyError) -> Progress {
    try claim()
    try forEachMessage(of: .source) {
      (copy: inout StoreCopy, message, envelopes) throws(CopyError) in
      try copy.bring(message, envelopes)
      report(copy.progress)
    }
    try flush()
    report(progress)
    try removeLeftovers()
    try copySettings()
    try compare(report)
    progress.quarantined = try fromSource { () throws(StoreError) in
      try source.quarantined().count
    }
    try toDestination { () throws(StoreError) in
      try destination.apply([.set(StoreCopy.mark, nil)])
    }
    return progress
  }

  private func claim() throws(CopyError) {
    let mark = try toDestination { () throws(StoreError) in
      try destination.setting(StoreCopy.mark)
    }
    if let mark {
      guard mark == Array(name.utf8) else {
        throw .otherSource(String(decoding: mark, as: UTF8.self))
      }
      return
    }
    let isEmpty = try toDestination { () throws(StoreError) in
      try destination.page(after: nil, limit: 1).envelopes.isEmpty
        && destination.statistics().messages == 0
    }
    guard isEmpty else { throw .notEmpty }
    try toDestination { () throws(StoreError) in
      try destination.apply([.set(StoreCopy.mark, Array(name.utf8))])
    }
  }

  /// Copies one message unless it is there as it is in the source.
  private mutating func bring(
    _ message: Message,
    _ envelopes: [Envelope]
  ) throws(CopyError) {
    switch try state(of: message, envelopes) {
    case .same:
      progress.messagesPresent += 1
      return
    case .otherEnvelopes(let present):
      let changes =
        present.map { Change.removeEnvelope($0.envelope.id) } + envelopes.map { Change.add($0) }
      try toDestination { () throws(StoreError) in try destination.apply(changes) }
      progress.messagesPresent += 1
      return
    case .otherMessage:
      // Its file may be that of the source by now, if both share a spool: it must not be removed.
      guard message.size <= limits.inline else { throw .differs(record: "message \(message.id)") }
      try flush()
      try toDestination { () throws(StoreError) in
        try destination.apply([.removeMessage(message.id)])
      }
    case .absent: break
    }
    let body = try read(message.id)
    batch.append(NewMessage(message: message, envelopes: envelopes, body: body))
    if case .bytes(let bytes) = body { batchBytes += bytes.count }
    progress.messagesCopied += 1
    progress.envelopes += envelopes.count
    progress.bytes += body.size
    if batch.count >= limits.messages || batchBytes >= limits.bytes { try flush() }
  }

  private enum State {
    case absent
    case same
    /// The same message with what its envelopes were earlier.
    case otherEnvelopes([StoredEnvelope])
    /// Another message under an identifier that was used again.
    case otherMessage
  }

  private func state(
    of message: Message,
    _ envelopes: [Envelope]
  ) throws(CopyError) -> State {
    let present = try self.envelopes(of: message.id, in: .destination)
    guard let first = present.first else { return .absent }
    guard first.isCopy(of: first.envelope, message) else { return .otherMessage }
    let isSame =
      present.count == envelopes.count
      && zip(present, envelopes).allSatisfy { $0.isCopy(of: $1, message) }
    return isSame ? .same : .otherEnvelopes(present)
  }

  private func read(_ id: MessageID) throws(CopyError) -> NewMessage.Body {
    let source = source
    let chunk = limits.chunk
    guard let stage else {
      return .bytes(try fromSource { () throws(StoreError) in try source.wholeBody(of: id, chunk) })
    }
    let start = try fromSource { () throws(StoreError) in
      try source.body(of: id, from: 0, count: limits.inline + 1)
    }
    guard start.count > limits.inline else { return .bytes(start) }
    var failure: StoreError?
    let size = try toDestination { () throws(StoreError) in
      try stage(id) { (offset) throws(StoreError) in
        do throws(StoreError) {
          return try source.body(of: id, from: offset, count: chunk)
        } catch {
          failure = error
          throw error
        }
      }
    } orSource: {
      failure
    }
    return .staged(size: size)
  }

  private mutating func flush() throws(CopyError) {
    guard !batch.isEmpty else { return }
    let changes = batch.map { Change.insert($0) }
    try toDestination { () throws(StoreError) in try destination.apply(changes) }
    batch = []
    batchBytes = 0
  }

  /// Removes what an earlier copy brought and the source no longer has.
  private mutating func removeLeftovers() throws(CopyError) {
    var gone: [MessageID] = []
    try forEachMessage(of: .destination) {
      (copy: inout StoreCopy, message, _) throws(CopyError) in
      if try copy.envelopes(of: message.id, in: .source).isEmpty { gone.append(message.id) }
    }
    for id in gone {
      try toDestination { () throws(StoreError) in try destination.apply([.removeMessage(id)]) }
    }
  }

  private func copySettings() throws(CopyError) {
    for setting in settings {
      let value = try fromSource { () throws(StoreError) in try source.setting(setting) }
      try toDestination { () throws(StoreError) in
        try destination.apply([.set(setting, value)])
      }
    }
  }
}
