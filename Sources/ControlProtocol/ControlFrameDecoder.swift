// SPDX-License-Identifier: ISC

package import Mail

/// Cuts a stream of bytes into frames. Never holds more than one frame's limit and one `append`.
///
/// After an error the stream has no more meaning: the connection is to be closed.
package struct ControlFrameDecoder: Sendable {
  private var buffer: [UInt8] = []
  private var start = 0
  private let limit: Int

  /// - Parameter limit: the longest frame that the peer may send, type and payload.
  package init(limit: Int = ControlLimits.frame) {
    self.limit = limit
  }

  /// Bytes that belong to a frame that is not whole yet.
  package var pending: Int { buffer.count - start }

  package mutating func append(_ bytes: some Sequence<UInt8>) {
    if start == buffer.count {
      buffer.removeAll(keepingCapacity: buffer.capacity <= limit * 2)
      start = 0
    } else if start > limit {
      buffer.removeSubrange(..<start)
      start = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The next frame; nil when more bytes are needed for it.
  package mutating func next() throws(DecodingError) -> ControlFrame? {
    guard pending >= 4 else { return nil }
    var length = 0
    for index in 0..<4 { length |= Int(buffer[start + index]) << (8 * index) }
    guard length <= limit else { throw .tooLong(field: "frame", length: length) }
    guard length >= 1 else { throw .invalid(field: "frame length") }
    guard pending >= 4 + length else { return nil }
    let frame = try ControlFrame(decoding: buffer[start + 4..<start + 4 + length])
    start += 4 + length
    return frame
  }
}
