// SPDX-License-Identifier: ISC

import DNS
import Mail

/// The log lines of deliveries, in OpenSMTPD's keys and order.
enum DeliveryLog {
  /// How an envelope's try ended, in the words of the log.
  private static func result(_ outcome: DeliveryOutcome) -> (word: String, text: String)? {
    switch outcome {
    case .delivered(let text, _, _): ("Ok", text)
    case .temporary(_, let text): ("TempFail", text)
    case .permanent(_, let text): ("PermFail", text)
    case .loop(let text): ("PermFail", text)
    case .held: nil
    }
  }

  /// Nil when the envelope was not tried.
  static func relay(
    _ session: SessionID,
    _ message: Message,
    _ envelope: Envelope,
    _ outcome: DeliveryOutcome,
    source: String,
    relay: String,
    at now: Instant
  ) -> String? {
    guard let result = result(outcome) else { return nil }
    return "\(session) mta delivery \(addresses(message, envelope, sameRecipient: "-"))"
      + " source=\"\(source)\" relay=\"\(relay)\""
      + " delay=\((now - envelope.created).operatorText)"
      + " result=\"\(result.word)\" stat=\"\(result.text)\""
  }

  /// Nil when the envelope was not tried.
  static func local(
    _ session: SessionID,
    _ message: Message,
    _ envelope: Envelope,
    _ outcome: DeliveryOutcome,
    at now: Instant
  ) -> String? {
    guard let result = result(outcome) else { return nil }
    let user =
      switch envelope.kind {
      case .local(let delivery): delivery.user
      case .relay, .bounce: ""
      }
    let text = result.word == "Ok" ? "Delivered" : "Error (\(result.text))"
    let same = "<\(envelope.recipient)>"
    return "\(session) mda delivery \(addresses(message, envelope, sameRecipient: same))"
      + " user=\(user) delay=\((now - envelope.created).operatorText)"
      + " result=\(result.word) stat=\(text)"
  }

  private static func addresses(
    _ message: Message,
    _ envelope: Envelope,
    sameRecipient: String
  ) -> String {
    let recipient =
      envelope.recipient == envelope.destination ? sameRecipient : "<\(envelope.recipient)>"
    return "evpid=\(envelope.id) from=<\(message.sender.map { "\($0)" } ?? "")>"
      + " to=<\(envelope.destination)> rcpt=\(recipient)"
  }
}
