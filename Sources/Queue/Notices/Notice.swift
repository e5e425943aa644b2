// SPDX-License-Identifier: ISC

package import Mail

/// A notice to the sender of a message about what became of it: multipart/report with a text, a
/// delivery status (RFC 3464), and the message or its header section (RFC 6522).
///
/// Pure, and bounded by its `Limits`. Lines end with LF.
package struct Notice: Sendable {
  /// One of several envelopes' common fates.
  package let bounce: Bounce
  package let message: Message
  /// At least one; their kind is the bounce, and their progress says what went wrong.
  package let envelopes: [Envelope]
  /// The name of this server.
  package let serverName: String
  package let now: Instant
  /// Makes the message's identifier and boundary; random in service.
  package let seed: UInt64
  package var limits = Limits()

  /// How much of the original a notice brings back.
  package struct Limits: Sendable {
    /// Bytes of a whole message; of a larger one the header section comes back.
    package var whole = 1 << 20
    /// Bytes of a header section; the rest is cut off at the end of a line.
    package var headers = 64 * 1024

    package init() {}
  }

  /// What there is to be stored.
  package struct Composed: Equatable, Sendable {
    package var bytes: [UInt8]
    /// What it needs from the host it is sent to.
    package var content: ContentFlags
  }

  package init(
    _ bounce: Bounce,
    message: Message,
    envelopes: [Envelope],
    serverName: String,
    seed: UInt64,
    at now: Instant
  ) {
    precondition(!envelopes.isEmpty)
    self.bounce = bounce
    self.message = message
    self.envelopes = envelopes
    self.serverName = NoticeText.hostName(serverName)
    self.seed = seed
    self.now = now
  }

  /// How many bytes from the beginning of the stored message `compose` needs.
  package var originalCount: Int { isWhole ? message.size : min(message.size, limits.headers) }

  /// Whether the whole message comes back: on failure, when the sender asked for it, and it is small.
  var isWhole: Bool {
    bounce == .failed && message.returnContent == .full && message.size <= limits.whole
  }

  /// - Parameter original: the first `originalCount` bytes of the stored message; fewer, or none, when
  ///   it cannot be read.
  package func compose(original: [UInt8]) -> Composed {
    var returned = NoticeText()
    returned.content(isWhole ? original[...] : headerSection(original))
    let human = humanText()
    let status = deliveryStatus()
    let boundary = boundary(absentFrom: [human.bytes, status.bytes, returned.bytes])

    var notice = NoticeText()
    let isEightBit = Notice.isEightBit(human) || Notice.isEightBit(returned)
    header(to: &notice, boundary: boundary, isEightBit ? "8bit" : "7bit")
    notice.line()
    notice.line("This is a delivery status notification in MIME format.")
    part(human, boundary, type: "text/plain; charset=utf-8", to: &notice)
    part(status, boundary, type: "message/delivery-status", to: &notice)
    part(returned, boundary, type: originalType, to: &notice)
    notice.line()
    notice.line("--\(boundary)--")

    var content: ContentFlags = isEightBit ? .eightBit : []
    let isForeign = !(message.sender?.description.utf8.allSatisfy { $0 < 0x80 } ?? true)
    if isForeign || message.content.contains(.internationalized) {
      content.insert([.eightBit, .internationalized])
    }
    return Composed(bytes: notice.bytes, content: content)
  }

  private func header(to notice: inout NoticeText, boundary: String, _ encoding: String) {
    notice.field("From", "Mailer Daemon <MAILER-DAEMON@\(serverName)>")
    var path: [UInt8] = []
    Address.appendPath(message.sender, to: &path)
    notice.field("To", String(decoding: path, as: UTF8.self))
    notice.field("Subject", "Delivery status notification: \(word)")
    notice.field("Date", now.mailDate)
    let unique = String(seed, radix: 16)
    notice.field("Message-ID", "<\(message.id).\(unique).notice@\(serverName)>")
    notice.field("Auto-Submitted", "auto-replied")
    notice.field("MIME-Version", "1.0")
    notice.field(
      "Content-Type",
      "multipart/report; report-type=delivery-status; boundary=\"\(boundary)\""
    )
    notice.field("Content-Transfer-Encoding", encoding)
  }

  private func part(
    _ content: NoticeText,
    _ boundary: String,
    type: String,
    to notice: inout NoticeText
  ) {
    notice.line()
    notice.line("--\(boundary)")
    notice.field("Content-Type", type)
    if Notice.isEightBit(content) { notice.field("Content-Transfer-Encoding", "8bit") }
    notice.line()
    notice.append(content)
  }

  var word: String {
    switch bounce {
    case .failed: "failed"
    case .delayed: "delayed"
    case .delivered: "delivered"
    }
  }

  private var originalType: String {
    switch (isWhole, message.content.contains(.internationalized)) {
    case (true, false): "message/rfc822"
    case (true, true): "message/global"
    case (false, false): "text/rfc822-headers"
    case (false, true): "message/global-headers"
    }
  }

  private static func isEightBit(_ text: NoticeText) -> Bool { text.bytes.contains { $0 >= 0x80 } }

  /// The lines before the first empty one; whole lines only when they are too many.
  private func headerSection(_ original: [UInt8]) -> ArraySlice<UInt8> {
    let bytes = original.prefix(limits.headers)
    var lineStart = bytes.startIndex
    for index in bytes.indices where bytes[index] == 0x0a {
      let line = bytes[lineStart..<index]
      if line.isEmpty || line.elementsEqual(CollectionOfOne(0x0d)) { return bytes[..<lineStart] }
      lineStart = index + 1
    }
    return original.count > bytes.count || bytes.count < message.size ? bytes[..<lineStart] : bytes
  }

  /// A boundary that no part has, drawn again until that is so.
  private func boundary(absentFrom parts: [[UInt8]]) -> String {
    var number = seed
    while true {
      let candidate = "=_\(String(number, radix: 16))/\(serverName.prefix(48))"
      let needle = Array(candidate.utf8)
      if !parts.contains(where: { Notice.contains($0, needle) }) { return candidate }
      number &+= 0x9e37_79b9_7f4a_7c15
    }
  }

  /// Whether a line of `bytes` begins like a boundary line of `needle`.
  private static func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
    let dash = UInt8(ascii: "-")
    var isLineStart = true
    for index in bytes.indices {
      if isLineStart, bytes[index] == dash, bytes[index...].dropFirst(2).starts(with: needle) {
        return true
      }
      isLineStart = bytes[index] == 0x0a
    }
    return false
  }
}
