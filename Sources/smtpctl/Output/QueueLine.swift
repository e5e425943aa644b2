// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue

/// One line of `show queue`: 14 fields divided by `|`.
enum QueueLine {
  private static let divider = UInt8(ascii: "|")

  /// Appends the line and its newline.
  static func append(_ row: EnvelopeRow, at now: Instant, to bytes: inout [UInt8]) {
    let envelope = row.envelope
    bytes.append(hexadecimal: envelope.id.rawValue, digits: 16)
    bytes.append(divider)
    bytes.append(text: row.message.session.source.familyWord)
    bytes.append(divider)
    bytes.append(text: envelope.kind.agentWord)
    bytes.append(divider)
    appendFlags(of: row, to: &bytes)
    bytes.append(divider)
    bytes.append(address: row.message.sender)
    bytes.append(divider)
    bytes.append(address: envelope.recipient)
    bytes.append(divider)
    bytes.append(address: envelope.destination)
    bytes.append(divider)
    bytes.append(decimal: envelope.created.seconds)
    bytes.append(divider)
    bytes.append(decimal: row.expirySeconds)
    bytes.append(divider)
    bytes.append(decimal: envelope.progress.lastTry?.seconds ?? 0)
    bytes.append(divider)
    bytes.append(decimal: UInt64(envelope.progress.tries))
    bytes.append(divider)
    bytes.append(text: row.place.state.runWord)
    bytes.append(divider)
    appendSeconds(of: row, at: now, to: &bytes)
    bytes.append(divider)
    bytes.append(visible: envelope.progress.lastError)
    bytes.append(UInt8(ascii: "\n"))
  }

  private static func appendFlags(of row: EnvelopeRow, to bytes: inout [UInt8]) {
    let start = bytes.count
    for flag in EnvelopeFlag.allCases where flag.holds(for: row) {
      if bytes.count > start { bytes.append(UInt8(ascii: ",")) }
      bytes.append(text: flag.rawValue)
    }
  }

  private static func appendSeconds(
    of row: EnvelopeRow,
    at now: Instant,
    to bytes: inout [UInt8]
  ) {
    switch row.place.state {
    case .pending, .scheduled, .held, .suspended:
      guard let next = row.place.nextTry else { return }
      bytes.append(decimal: next.seconds - now.seconds)
    case .inflight:
      bytes.append(
        decimal: now.seconds
          - (row.place.inflightSince ?? row.envelope.progress.lastTry ?? now).seconds
      )
    case .expired, .orphaned, .offline: break
    }
  }
}

/// The flags of field 4, in their order.
enum EnvelopeFlag: String, CaseIterable {
  case bounce
  case auth
  case `internal`
  case suspend
  case hold

  func holds(for row: EnvelopeRow) -> Bool {
    switch self {
    case .bounce: row.envelope.kind.isBounce
    case .auth: row.message.session.isAuthenticated
    case .internal: row.envelope.origin == .expansion
    case .suspend: row.place.state == .suspended || row.envelope.progress.suspension.isPause
    case .hold: row.place.state == .held
    }
  }
}

extension SourceAddress {
  /// `local`, `inet4` or `inet6`.
  var familyWord: String {
    switch self {
    case .local: "local"
    case .inet4: "inet4"
    case .inet6: "inet6"
    }
  }
}

extension Envelope.Kind {
  /// Who delivers it: `mda`, `mta` or `bounce`.
  var agentWord: String {
    switch self {
    case .local: "mda"
    case .relay: "mta"
    case .bounce: "bounce"
    }
  }

  var isBounce: Bool {
    if case .bounce = self { true } else { false }
  }
}

extension RuntimeState {
  /// The word of field 12, which knows fewer: flags tell the held and the suspended apart.
  var runWord: String {
    switch self {
    case .pending, .scheduled, .held, .suspended, .expired: "pending"
    case .inflight: "inflight"
    case .orphaned: "invalid"
    case .offline: "offline"
    }
  }
}
