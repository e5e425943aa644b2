// SPDX-License-Identifier: ISC

/// Takes the addresses out of a field such as To (RFC 5322 section 3.4): names, comments, groups and routes
/// are left out. What it gives is not checked yet, and may be no address.
package enum AddressList {
  /// The addresses of `bytes`, which have no field name in front.
  package static func addresses(in bytes: some Sequence<UInt8>) -> [String] {
    var scanner = Scanner()
    for byte in bytes { scanner.take(byte) }
    scanner.endAddress()
    return scanner.found
  }

  private struct Scanner {
    var found: [String] = []
    private var state = State.plain
    private var commentDepth = 0
    private var isEscaped = false
    /// What stands outside of angles.
    private var plain: [UInt8] = []
    /// A blank came behind what `plain` has.
    private var hasGap = false
    /// What stands between angles; nil while there were none.
    private var angle: [UInt8]?

    private enum State {
      case plain
      case quoted
      case comment
      case angle
      case quotedInAngle
    }

    mutating func take(_ byte: UInt8) {
      if isEscaped {
        isEscaped = false
        if state != .comment { keep(byte) }
        return
      }
      if byte == UInt8(ascii: "\\"), state != .plain, state != .angle {
        isEscaped = true
        if state != .comment { keep(byte) }
        return
      }
      switch state {
      case .quoted, .quotedInAngle:
        keep(byte)
        if byte == UInt8(ascii: "\"") { state = state == .quoted ? .plain : .angle }
      case .comment:
        if byte == UInt8(ascii: "(") { commentDepth += 1 }
        if byte == UInt8(ascii: ")") { commentDepth -= 1 }
        if commentDepth == 0 { state = .plain }
      case .angle: takeInAngle(byte)
      case .plain: takePlain(byte)
      }
    }

    /// A comma, a semicolon, or the end of the field.
    mutating func endAddress() {
      let bytes = angle ?? plain
      if !bytes.isEmpty { found.append(String(decoding: bytes, as: UTF8.self)) }
      plain = []
      angle = nil
      hasGap = false
      state = .plain
    }

    private mutating func keep(_ byte: UInt8) {
      if state == .angle || state == .quotedInAngle {
        angle?.append(byte)
      } else {
        // Blanks around dots and the sign are allowed, and are no part of the address.
        let joins = plain.last == UInt8(ascii: ".") || plain.last == UInt8(ascii: "@")
        let isJoint = byte == UInt8(ascii: ".") || byte == UInt8(ascii: "@")
        if hasGap, !plain.isEmpty, !joins, !isJoint { plain.append(0x20) }
        hasGap = false
        plain.append(byte)
      }
    }

    private mutating func takeInAngle(_ byte: UInt8) {
      switch byte {
      case UInt8(ascii: "\""):
        state = .quotedInAngle
        keep(byte)
      case UInt8(ascii: ">"): state = .plain
      // What stood before is a route.
      case UInt8(ascii: ":") where angle?.first == UInt8(ascii: "@"): angle = []
      case 0x20, 0x09, 0x0a, 0x0d: break
      default: keep(byte)
      }
    }

    private mutating func takePlain(_ byte: UInt8) {
      switch byte {
      case UInt8(ascii: ","), UInt8(ascii: ";"): endAddress()
      case UInt8(ascii: ":") where !plain.contains(UInt8(ascii: "@")):
        // The name of a group.
        plain = []
        hasGap = false
      case UInt8(ascii: "("):
        state = .comment
        commentDepth = 1
        hasGap = true
      case UInt8(ascii: "<"):
        state = .angle
        angle = []
      case 0x20, 0x09, 0x0a, 0x0d: hasGap = true
      case UInt8(ascii: "\""):
        keep(byte)
        state = .quoted
      default: keep(byte)
      }
    }
  }
}
