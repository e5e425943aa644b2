// SPDX-License-Identifier: ISC

/// A message that is read whole before anything is done with it: in memory while it is small, then in a
/// file without a name, so that many large ones that are delivered at once need no memory. Where there is
/// no place for such a file it stays in memory.
struct StagedMessage: ~Copyable {
  /// What it keeps where.
  enum Limits {
    /// Bytes that are kept in memory.
    static let inMemory = 512 * 1024
    /// Bytes of one piece.
    static let piece = 64 * 1024
    /// Where the files are made, the first that can be written to. `/tmp` is often memory.
    static let directories = ["/var/tmp", "/tmp"]
  }

  /// Bytes so far.
  private(set) var count = 0
  private var memory: [UInt8] = []
  private var file: CInt?

  deinit { if let file { MaildirFile.close(file) } }

  mutating func append(_ bytes: [UInt8]) throws(AgentFailure) {
    if file == nil, memory.count + bytes.count > Limits.inMemory, let made = spill() {
      file = made
      memory = []
    }
    if let file { try MaildirFile.writeAll(file, bytes) } else { memory += bytes }
    count += bytes.count
  }

  /// A file with what there is; nil where none can be made, so that it stays in memory.
  private borrowing func spill() -> CInt? {
    guard let made = try? MailboxFile.makeUnnamed(in: Limits.directories) else { return nil }
    do throws(AgentFailure) {
      try MaildirFile.writeAll(made, memory)
      return made
    } catch {
      MaildirFile.close(made)
      return nil
    }
  }

  /// Its pieces in order, none of them empty.
  func forEachPiece(_ use: ([UInt8]) throws(AgentFailure) -> Void) throws(AgentFailure) {
    guard let file else {
      if !memory.isEmpty { try use(memory) }
      return
    }
    var offset = 0
    while offset < count {
      let piece = try MaildirFile.read(file, at: offset, room: min(Limits.piece, count - offset))
      guard !piece.isEmpty else {
        throw AgentFailure(code: AgentFailure.Code.temporary, text: "the kept message is cut off")
      }
      try use(piece)
      offset += piece.count
    }
  }
}
