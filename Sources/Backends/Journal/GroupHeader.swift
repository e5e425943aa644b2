// SPDX-License-Identifier: ISC

package import Mail
internal import Queue

/// What stands before each group of the journal: 48 bytes, its own checksum among them.
///
/// A group begins at a multiple of 512, so that writing one never touches a sector of another.
package struct GroupHeader: Hashable, Sendable {
  /// Of the header, in bytes.
  package static let size = 48
  /// Groups begin at its multiples, in bytes.
  package static let alignment = 512
  private static let magic: UInt32 = 0x314c_4a54

  /// How often a journal file was begun anew, counted over all of them.
  package var epoch: UInt64
  /// Of the group, rising by one over all epochs.
  package var sequence: UInt64
  /// The oldest epoch whose records are still needed.
  package var tail: UInt64
  /// The first sequence of this epoch: groups of earlier epochs with this number or a higher one do
  /// not count.
  package var start: UInt64
  /// Of the changes behind the header, in bytes.
  package var length: Int
  /// How many changes there are.
  package var count: Int

  /// The room that the group takes.
  package var extent: Int { GroupHeader.extent(of: length) }

  /// The room of a group with so many bytes behind its header.
  package static func extent(of length: Int) -> Int {
    (size + length + alignment - 1) / alignment * alignment
  }

  package var encoded: [UInt8] {
    var body = ByteWriter(reserving: GroupHeader.size)
    body.write(epoch)
    body.write(sequence)
    body.write(tail)
    body.write(start)
    body.write(UInt32(length))
    body.write(UInt32(count))
    let content = body.finish()
    var writer = ByteWriter(reserving: GroupHeader.size)
    writer.write(GroupHeader.magic)
    writer.write(Checksum.of(content))
    writer.append(content)
    precondition(writer.count == GroupHeader.size)
    return writer.finish()
  }

  /// Nil when there is no header at `offset`, or a damaged one.
  package init?(_ bytes: [UInt8], at offset: Int) {
    let end = offset + GroupHeader.size
    guard end <= bytes.count, bytes[offset] == 0x54, bytes[offset + 1] == 0x4a else { return nil }
    var reader = ByteReader(bytes[offset..<end])
    guard let magic = try? reader.readInteger(UInt32.self), magic == GroupHeader.magic,
      let checksum = try? reader.readInteger(UInt32.self)
    else { return nil }
    var found = Checksum()
    found.add(bytes.span.extracting(offset + 8..<end))
    guard found.value == checksum else { return nil }
    guard let epoch = try? reader.readInteger(UInt64.self),
      let sequence = try? reader.readInteger(UInt64.self),
      let tail = try? reader.readInteger(UInt64.self),
      let start = try? reader.readInteger(UInt64.self),
      let length = try? reader.readInteger(UInt32.self),
      let count = try? reader.readInteger(UInt32.self)
    else { return nil }
    self.init(
      epoch: epoch,
      sequence: sequence,
      tail: tail,
      start: start,
      length: Int(length),
      count: Int(count)
    )
    guard offset + extent <= bytes.count, sequence >= start, tail <= epoch + 1 else { return nil }
  }

  package init(
    epoch: UInt64,
    sequence: UInt64,
    tail: UInt64,
    start: UInt64,
    length: Int,
    count: Int
  ) {
    self.epoch = epoch
    self.sequence = sequence
    self.tail = tail
    self.start = start
    self.length = length
    self.count = count
  }
}

/// A group that is being put together: header, then each change as length, checksum and content.
package struct GroupWriter: Sendable {
  /// Before each change: its length and its checksum, four bytes each.
  package static let frameSize = 8

  private var writer: ByteWriter
  private var frames: [(offset: Int, length: Int)] = []

  package init(reserving capacity: Int = 16_384) {
    writer = ByteWriter(reserving: capacity)
    writer.append([UInt8](repeating: 0, count: GroupHeader.size))
  }

  /// Whether it has no change yet.
  package var isEmpty: Bool { frames.isEmpty }
  /// The room that it would take.
  package var extent: Int { GroupHeader.extent(of: writer.count - GroupHeader.size) }
  /// How many changes it has.
  package var count: Int { frames.count }

  /// Appends a change. What `body` returns says where in the group the parts of it are.
  package mutating func change<Places>(_ body: (inout ByteWriter) -> Places) -> Places {
    let offset = writer.count
    writer.write(UInt64(0))
    let places = body(&writer)
    frames.append((offset, writer.count - offset - GroupWriter.frameSize))
    return places
  }

  /// The group's bytes under the numbers that it gets.
  package consuming func finish(
    epoch: UInt64,
    sequence: UInt64,
    tail: UInt64,
    start: UInt64
  ) -> [UInt8] {
    for frame in frames {
      let content = frame.offset + GroupWriter.frameSize
      let checksum = GroupWriter.checksum(
        writer.bytes.span.extracting(content..<content + frame.length),
        epoch: epoch,
        sequence: sequence
      )
      writer.overwrite(at: frame.offset, with: UInt32(frame.length))
      writer.overwrite(at: frame.offset + 4, with: checksum)
    }
    let header = GroupHeader(
      epoch: epoch,
      sequence: sequence,
      tail: tail,
      start: start,
      length: writer.count - GroupHeader.size,
      count: frames.count
    )
    var bytes = writer.finish()
    let padding = header.extent - bytes.count
    bytes.replaceSubrange(0..<GroupHeader.size, with: header.encoded)
    bytes.append(contentsOf: repeatElement(0, count: padding))
    return bytes
  }

  /// Covers where the change belongs, so that an old one in its place is not taken for it.
  package static func checksum(_ content: Span<UInt8>, epoch: UInt64, sequence: UInt64) -> UInt32 {
    partialChecksum(content, epoch: epoch, sequence: sequence).value
  }

  /// The same of a change that begins with `content`, for the rest to be added.
  package static func partialChecksum(
    _ content: Span<UInt8>,
    epoch: UInt64,
    sequence: UInt64
  ) -> Checksum {
    var checksum = Checksum()
    checksum.add(epoch)
    checksum.add(sequence)
    checksum.add(content)
    return checksum
  }
}
