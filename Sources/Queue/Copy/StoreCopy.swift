// SPDX-License-Identifier: ISC

package import Mail

/// Copies a queue that nobody serves from one store into another.
///
///     run:     destination marked `copy.source` ──▶ messages ──▶ settings ──▶ all compared
///     finish:  (a move) source marked `copy.moved` ──▶ destination's mark removed
///
/// A store with either mark must not be served, so that at no moment two stores of one queue can be.
/// The destination must be empty, or have an unfinished copy of the same source, or be what an earlier
/// move left; it is then brought up to date and finished. Each message arrives as a whole, durable;
/// the comparison is byte by byte. Beside its mark the source is only read (what it finds unreadable
/// it moves into its own quarantine, which is not copied). Stores that keep whole seconds count as
/// equal.
package struct StoreCopy {
  /// The setting that marks an unfinished copy; its value is the source's name.
  package static let mark = "copy.source"
  /// The setting that marks a store whose mail is now in another; its value is that one's name.
  package static let movedMark = "copy.moved"

  /// What becomes of the source.
  package enum Purpose: Equatable, Sendable {
    /// Nothing: whoever serves both sends everything twice.
    case copy
    /// It is marked as moved to the place named.
    case move(to: String)
  }

  /// Writes a large body as a file of the destination, durable on return. `chunk` reads up to
  /// `StoreCopy.Limits.chunk` bytes from an offset; an empty one is the end. Returns what was staged.
  package typealias StageBody = (
    _ message: MessageID, _ chunk: (_ offset: Int) throws(StoreError) -> [UInt8]
  ) throws(StoreError) -> NewMessage.Body

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
  let purpose: Purpose
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
    purpose: Purpose = .copy,
    settings: [String],
    stage: StageBody?,
    limits: Limits = Limits()
  ) {
    self.source = source
    self.name = String(decoding: name.utf8.prefix(4096), as: UTF8.self)
    self.destination = destination
    self.purpose = purpose
    self.settings = settings
    self.stage = stage
    self.limits = limits
  }

  /// Copies and compares; `finish` is left to do. Interrupted at any point it can be run again.
  package mutating func run(
    _ report: (Progress) -> Void
  ) throws(CopyError) -> Progress {
    try claim()
    try bringMessages(report)
    try copySettings()
    try compare(report)
    progress.quarantined = try fromSource { () throws(StoreError) in
      try source.quarantined().count
    }
    return progress
  }

  /// Makes the destination the store that may be served. Called once, after `run`.
  package func finish() throws(CopyError) {
    if case .move(let place) = purpose {
      try fromSource { () throws(StoreError) in
        try source.apply([.set(StoreCopy.movedMark, Array(place.utf8))])
      }
    }
    try toDestination { () throws(StoreError) in
      try destination.apply([.set(StoreCopy.mark, nil)])
    }
  }

  private func claim() throws(CopyError) {
    let mark = try toDestination { () throws(StoreError) in
      try destination.text(of: StoreCopy.mark)
    }
    try checkSource(mark == name ? .underWay : .new)
    if let mark {
      guard mark == name else { throw .otherSource(mark) }
      return
    }
    let isFree = try toDestination { () throws(StoreError) in
      if try destination.setting(StoreCopy.movedMark) != nil { return true }
      return try destination.page(after: nil, limit: 1).envelopes.isEmpty
        && destination.statistics().messages == 0
    }
    guard isFree else { throw .notEmpty }
    try toDestination { () throws(StoreError) in
      try destination.apply([
        .set(StoreCopy.mark, Array(name.utf8)), .set(StoreCopy.movedMark, nil),
      ])
    }
  }

  private enum Stage {
    case new
    case underWay
  }

  /// What the source has is the queue only if it may be served, or if the end of this very copy is
  /// all that is missing.
  private func checkSource(_ copy: Stage) throws(CopyError) {
    let (mark, moved) = try fromSource { () throws(StoreError) in
      (try source.text(of: StoreCopy.mark), try source.text(of: StoreCopy.movedMark))
    }
    if let mark { throw .unfinishedSource(mark) }
    if let moved, copy == .new { throw .moved(to: moved) }
  }

  /// Walks both stores side by side: what is missing is copied, what is left over is removed.
  private mutating func bringMessages(_ report: (Progress) -> Void) throws(CopyError) {
    var (from, to) = (
      try cursor(over: source, .source), try cursor(over: destination, .destination)
    )
    while let entry = from.current {
      if let present = to.current, present.message.id < entry.message.id {
        try discard(present.message.id)
        try advance(&to, .destination)
        continue
      }
      let isThere = to.current?.message.id == entry.message.id
      try bring(entry, over: isThere ? to.current : nil)
      report(progress)
      try advance(&from, .source)
      if isThere { try advance(&to, .destination) }
    }
    try flush()
    while let present = to.current {
      try discard(present.message.id)
      try advance(&to, .destination)
    }
  }

  /// Copies one message unless it is there as it is in the source.
  private mutating func bring(
    _ entry: MessageCursor.Entry,
    over present: MessageCursor.Entry?
  ) throws(CopyError) {
    if let present {
      if present.message.isCopy(of: entry.message) {
        progress.messagesPresent += 1
        guard !present.hasCopies(of: entry) else { return }
        let changes =
          present.envelopes.map { Change.removeEnvelope($0.id) }
          + entry.envelopes.map { Change.add($0) }
        try toDestination { () throws(StoreError) in try destination.apply(changes) }
        return
      }
      // Another message, under an identifier that was used again.
      try discard(present.message.id)
    }
    let body = try read(entry.message.id)
    batch.append(NewMessage(message: entry.message, envelopes: entry.envelopes, body: body))
    if case .bytes(let bytes) = body { batchBytes += bytes.count }
    progress.messagesCopied += 1
    progress.envelopes += entry.envelopes.count
    progress.bytes += body.size
    if batch.count >= limits.messages || batchBytes >= limits.bytes { try flush() }
  }

  private func discard(_ id: MessageID) throws(CopyError) {
    try toDestination { () throws(StoreError) in try destination.apply([.removeMessage(id)]) }
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
    return try toDestination { () throws(StoreError) in
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
  }

  private mutating func flush() throws(CopyError) {
    guard !batch.isEmpty else { return }
    let changes = batch.map { Change.insert($0) }
    try toDestination { () throws(StoreError) in try destination.apply(changes) }
    batch = []
    batchBytes = 0
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
