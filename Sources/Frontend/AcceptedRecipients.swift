// SPDX-License-Identifier: ISC

internal import Mail

/// The accepted recipients of a transaction as the client named them, with the envelopes of each: little
/// memory however many there are, since a client fills it.
struct AcceptedRecipients {
  /// Envelopes of one recipient whose numbers follow each other, as those of an expansion do.
  private struct Run {
    let first: UInt32
    var last: UInt32
    /// Where the address is in `text`.
    let start: UInt32
    let end: UInt32
  }

  private var runs: [Run] = []
  private var text: [UInt8] = []
  /// Which envelopes there are.
  private(set) var envelopes = EnvelopeTally()
  /// Stretches of numbers that are kept; what memory goes by.
  var stretches: Int { runs.count }

  mutating func add(_ recipient: Address, _ ids: [EnvelopeID]) {
    guard !ids.isEmpty else { return }
    let start = UInt32(text.count)
    text += "\(recipient)".utf8
    let end = UInt32(text.count)
    var run: Run?
    for id in ids {
      envelopes.add(id)
      let number = id.low
      if let last = run?.last, last < .max, number == last + 1 {
        run?.last = number
      } else {
        if let run { runs.append(run) }
        run = Run(first: number, last: number, start: start, end: end)
      }
    }
    if let run { runs.append(run) }
  }

  /// Every envelope with its recipient, in the order in which they were added.
  func forEach(of message: MessageID, _ body: (EnvelopeID, String) -> Void) {
    for run in runs {
      let recipient = String(decoding: text[Int(run.start)..<Int(run.end)], as: UTF8.self)
      for number in run.first...run.last {
        if let id = EnvelopeID(message: message, low: number) { body(id, recipient) }
      }
    }
  }
}
