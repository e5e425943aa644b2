// SPDX-License-Identifier: ISC

package import Mail

/// One frame of the administration socket: `u32` length of what follows, `u8` type, payload.
///
/// Described in `schema/control.md`.
package enum ControlFrame: Equatable, Sendable {
  /// The first frame of each side.
  case hello(ControlHello)
  /// From the client; the content is an encoded `ControlRequest`.
  case request(id: UInt32, content: [UInt8])
  /// From the server; the content is an encoded `ControlResponse`.
  case response(id: UInt32, content: [UInt8])

  private enum Kind: UInt8 {
    case hello = 1
    case request = 2
    case response = 3
  }

  /// Bytes before the content of a request or a response: length, type, id.
  package static let overhead = 9

  /// The whole frame as it goes over the socket.
  package func encoded() -> [UInt8] {
    switch self {
    case .hello(let hello):
      var writer = ByteWriter()
      writer.write(UInt32(0))
      writer.write(Kind.hello.rawValue)
      writer.append(hello.encoded())
      writer.overwrite(at: 0, with: UInt32(writer.count - 4))
      return writer.finish()
    case .request(let id, let content): return ControlFrame.encoded(.request, id, content)
    case .response(let id, let content): return ControlFrame.encoded(.response, id, content)
    }
  }

  private static func encoded(_ kind: Kind, _ id: UInt32, _ content: [UInt8]) -> [UInt8] {
    precondition(content.count + 5 <= ControlLimits.frame, "a frame beyond its limit")
    var writer = ByteWriter(reserving: overhead + content.count)
    writer.write(UInt32(content.count + 5))
    writer.write(kind.rawValue)
    writer.write(id)
    writer.append(content)
    return writer.finish()
  }

  /// Reads a frame without its length field.
  package init(decoding bytes: ArraySlice<UInt8>) throws(DecodingError) {
    guard let first = bytes.first else { throw .truncated }
    guard let kind = Kind(rawValue: first) else { throw .invalid(field: "frame type") }
    let payload = bytes.dropFirst()
    switch kind {
    case .hello: self = .hello(try ControlHello(decoding: payload))
    case .request:
      self = .request(id: try ControlFrame.id(payload), content: Array(payload.dropFirst(4)))
    case .response:
      self = .response(id: try ControlFrame.id(payload), content: Array(payload.dropFirst(4)))
    }
  }

  private static func id(_ payload: ArraySlice<UInt8>) throws(DecodingError) -> UInt32 {
    guard payload.count >= 4 else { throw .truncated }
    var id: UInt32 = 0
    for (index, byte) in payload.prefix(4).enumerated() { id |= UInt32(byte) << (8 * index) }
    return id
  }
}
