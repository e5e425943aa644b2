// SPDX-License-Identifier: ISC

internal import Mail

extension Notice {
  /// What a person reads.
  func humanText() -> NoticeText {
    var text = NoticeText()
    text.paragraph(introduction)
    text.line()
    for envelope in envelopes {
      let reason = NoticeText.clean(envelope.progress.lastError)
      let address = finalRecipient(envelope).description
      text.paragraph(reason.isEmpty ? address : "\(address): \(reason)", indent: "    ")
    }
    text.line()
    text.paragraph(
      "This notice comes from the mail system at \(serverName), where your message arrived on "
        + "\(message.created.mailDate) and has the identifier \(message.id). "
        + "Its \(isWhole ? "full text" : "header section") follows below."
    )
    return text
  }

  private var introduction: String {
    switch bounce {
    case .failed:
      return "Your message could not be delivered to the following recipients, and no further try "
        + "will be made."
    case .delayed(let after, let timeToLive):
      let until = message.created + timeToLive
      let rest = max(.zero, until - now)
      return "Your message has not been delivered to the following recipients for "
        + "\(after.operatorText). You need not send it again: tries go on for another "
        + "\(rest.operatorText), until \(until.mailDate), that is \(timeToLive.operatorText) after "
        + "it arrived."
    case .delivered:
      return "You asked to be told: your message has been delivered to the following recipients, "
        + "or handed to a mail system that gives no such notices itself."
    }
  }

  /// For programs: RFC 3464.
  func deliveryStatus() -> NoticeText {
    var status = NoticeText()
    if let id = message.envelopeIdentifier, !id.isEmpty {
      status.field("Original-Envelope-Id", NoticeText.ascii(id))
    }
    status.field("Reporting-MTA", "dns; \(serverName)")
    status.field("Arrival-Date", message.created.mailDate)
    for envelope in envelopes {
      status.line()
      recipient(envelope, to: &status)
    }
    return status
  }

  private func recipient(_ envelope: Envelope, to status: inout NoticeText) {
    if let original = envelope.originalRecipient, let end = original.firstIndex(of: ";") {
      let address = Notice.statusAddress(String(original[original.index(after: end)...]))
      status.field("Original-Recipient", "\(NoticeText.ascii(String(original[..<end])));\(address)")
    }
    let final = finalRecipient(envelope).description
    let type = final.utf8.allSatisfy { $0 < 0x80 } ? "rfc822" : "utf-8"
    status.field("Final-Recipient", "\(type);\(Notice.statusAddress(final))")
    let text = NoticeText.ascii(envelope.progress.lastError)
    status.field("Action", action(text))
    status.field("Status", (envelope.progress.lastStatus ?? fallbackStatus).description)
    let peer = envelope.progress.lastPeer
    if !peer.isEmpty { status.field("Remote-MTA", "dns; \(NoticeText.ascii(peer))") }
    if !text.isEmpty {
      status.field("Diagnostic-Code", "\(Notice.isReply(text) ? "smtp" : "x-local"); \(text)")
    }
    if let lastTry = envelope.progress.lastTry {
      status.field("Last-Attempt-Date", lastTry.mailDate)
    }
    if case .delayed(_, let timeToLive) = bounce {
      status.field("Will-Retry-Until", (message.created + timeToLive).mailDate)
    }
  }

  /// The address that the sender used where this host expanded it: where an alias leads is no sender's
  /// business.
  private func finalRecipient(_ envelope: Envelope) -> Address {
    envelope.origin == .expansion ? envelope.recipient : envelope.destination
  }

  /// A bounce does not know any more who delivered it; a text that is a reply came from a relay's peer.
  private func action(_ text: String) -> String {
    switch bounce {
    case .failed: "failed"
    case .delayed: "delayed"
    case .delivered: Notice.isReply(text) ? "relayed" : "delivered"
    }
  }

  private var fallbackStatus: EnhancedStatus {
    switch bounce {
    case .failed: EnhancedStatus(.permanent, 0, 0)
    case .delayed: EnhancedStatus(.temporary, 0, 0)
    case .delivered: EnhancedStatus(.success, 0, 0)
    }
  }

  private static func isReply(_ text: String) -> Bool {
    let start = text.utf8.prefix(4)
    return start.count >= 3 && start.prefix(3).allSatisfy { 0x30...0x39 ~= $0 }
      && (start.count == 3 || start.last == 0x20 || start.last == 0x2d)
  }

  /// ASCII stays; the rest, and what would confuse, becomes `\x{HEX}` (RFC 6533 section 3).
  private static func statusAddress(_ text: String) -> String {
    var encoded = ""
    for scalar in NoticeText.clean(text).unicodeScalars {
      if scalar.isASCII {
        encoded.unicodeScalars.append(scalar)
      } else {
        encoded += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
      }
    }
    return encoded
  }
}
