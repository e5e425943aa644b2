// SPDX-License-Identifier: ISC

package import Mail

/// The lines that a local delivery puts before the stored message. Pure.
package enum DeliveryHead {
  /// `Return-Path`, unless the sender is null, and `Delivered-To`; lines end in LF.
  package static func bytes(sender: Address?, destination: Address) -> [UInt8] {
    var head: [UInt8] = []
    if let sender {
      head.append(contentsOf: "Return-Path: <".utf8)
      head.append(contentsOf: clean(sender.description))
      head.append(contentsOf: ">\n".utf8)
    }
    head.append(contentsOf: "Delivered-To: ".utf8)
    head.append(contentsOf: clean(destination.description))
    head.append(UInt8(ascii: "\n"))
    return head
  }

  /// An address of the queue has no control characters; if one had, it would forge a header field.
  private static func clean(_ text: String) -> [UInt8] {
    text.utf8.map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: "?") : $0 }
  }
}
