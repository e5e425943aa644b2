// SPDX-License-Identifier: ISC

package import Mail

/// The checksums of bodies that are read in chunks, from their beginnings to the ends of the chunks.
///
/// So whoever reads the last chunk knows the checksum of the whole, though readers have no state of
/// their own and several may read one body beside each other. Bounded: beyond it all are forgotten, and
/// a body that is under way has to be read once more at its end.
package struct BodySums: Sendable {
  /// How many chunks are remembered.
  package static let chunksMax = 4096

  private var sums: [MessageID: [Int: Checksum]] = [:]
  private var count = 0

  /// Of nothing yet.
  package init() {}

  /// The checksum from the beginning to the end of a chunk that was read from `offset`; nil when what
  /// is before the chunk is not known.
  ///
  /// - Parameter start: the checksum that the body's is the continuation of.
  package func sum(
    of id: MessageID,
    through chunk: [UInt8],
    at offset: Int,
    from start: Checksum = Checksum()
  ) -> Checksum? {
    var sum = offset == 0 ? start : sums[id]?[offset]
    sum?.add(chunk.span)
    return sum
  }

  /// Remembers what `sum` returned for a chunk that ends at `end`, which is not the body's.
  package mutating func remember(_ sum: Checksum?, of id: MessageID, to end: Int) {
    guard let sum else { return }
    if count >= BodySums.chunksMax { self = BodySums() }
    if sums[id, default: [:]].updateValue(sum, forKey: end) == nil { count += 1 }
  }

  /// The body of `id` is another from now on, or in another place.
  package mutating func forget(_ id: MessageID) {
    count -= sums.removeValue(forKey: id)?.count ?? 0
  }
}

extension Disk {
  /// The CRC-32C of a whole file, which is read in pieces; nil when there is none.
  package func checksum(of path: String) throws(DiskError) -> UInt32? {
    guard let file = try openIfPresent(path) else { return nil }
    defer { close(file) }
    var sum = Checksum()
    var offset = 0
    while true {
      let bytes = try read(file, at: offset, count: 256 << 10)
      guard !bytes.isEmpty else { return sum.value }
      sum.add(bytes.span)
      offset += bytes.count
    }
  }
}
