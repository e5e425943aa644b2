// SPDX-License-Identifier: ISC

import Mail
import SMTP

/// Any bytes as the start of a proxied connection, at once and byte by byte: both must find the same
/// header, and neither may lose a byte behind it.
enum ProxyInput {
  static func run(_ bytes: [UInt8]) {
    var whole = ProxyHeaderReader()
    let atOnce = whole.received(bytes)
    var single = ProxyHeaderReader()
    for (index, byte) in bytes.enumerated() {
      let outcome = single.received([byte])
      if outcome == .needsMore { continue }
      let rest = Array(bytes[(index + 1)...])
      switch (outcome, atOnce) {
      case (.header(let header, []), .header(let other, let behind)):
        precondition(header == other, "the header depends on how the bytes came")
        precondition(rest == behind, "bytes behind the header are lost")
      case (.refused(let fault), .refused(let other)):
        precondition(fault == other, "the refusal depends on how the bytes came")
        precondition(!fault.description.isEmpty)
      default: preconditionFailure("the outcome depends on how the bytes came")
      }
      return
    }
    precondition(atOnce == .needsMore, "bytes were enough at once, and not one by one")
    precondition(bytes.count < 16 + ProxyHeader.Limits.payload, "the header has no end")
  }
}
