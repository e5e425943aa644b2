// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue

/// An envelope as one JSON object on one line; the keys are described in `schema/json.md`.
enum EnvelopeJSON {
  enum Detail {
    /// What `show queue` says.
    case row
    /// Everything that is stored.
    case full
  }

  static func append(_ row: EnvelopeRow, _ detail: Detail, to bytes: inout [UInt8]) {
    var line = JSONLine()
    addRow(row, to: &line)
    if detail == .full { addRest(row, to: &line) }
    line.finish(into: &bytes)
  }

  private static func addRow(_ row: EnvelopeRow, to line: inout JSONLine) {
    let envelope = row.envelope
    let progress = envelope.progress
    line.add("envelope", hexadecimal: envelope.id.rawValue, digits: 16)
    line.add("message", hexadecimal: UInt64(row.message.id.rawValue), digits: 8)
    line.add("family", row.message.session.source.familyWord)
    line.add("agent", envelope.kind.agentWord)
    line.add("flags", EnvelopeFlag.allCases.filter { $0.holds(for: row) }.map(\.rawValue))
    line.add("sender", row.message.sender?.description)
    line.add("recipient", envelope.recipient.description)
    line.add("destination", envelope.destination.description)
    line.add("action", envelope.action)
    line.add("created", envelope.created.seconds)
    line.add("expires", row.expirySeconds)
    line.add("last_try", progress.lastTry?.seconds)
    line.add("next_try", row.place.nextTry?.seconds)
    line.add("tries", Int64(progress.tries))
    line.add("state", row.place.state.rawValue)
    line.add("size", Int64(row.message.size))
    line.add("status", progress.lastStatus?.description)
    line.add("error", progress.lastError.isEmpty ? nil : progress.lastError)
  }

  private static func addRest(_ row: EnvelopeRow, to line: inout JSONLine) {
    let session = row.message.session
    line.add("session", session.id.description)
    line.add("source", IPAddress(session.source)?.description)
    line.add("server_name", session.serverName)
    line.add("helo", session.helo)
    line.add("hostname", session.hostname)
    line.add("user", session.user)
    line.add("tag", session.tag.isEmpty ? nil : session.tag)
    line.add("tls", truth: session.transport == .tls ? .true : .false)
    line.add("content", row.message.content.words)
    line.add("priority", Int64(row.message.priority))
    line.add("notify", row.envelope.notify.words)
    line.add("return", row.message.returnContent.map { $0 == .full ? "full" : "headers" })
    line.add("envelope_identifier", row.message.envelopeIdentifier)
    line.add("original_recipient", row.envelope.originalRecipient)
    line.add("hold_until", row.envelope.holdUntil?.seconds)
    line.add("deliver_by", row.envelope.deliverBy?.deadline.seconds)
    line.add("last_notice", row.envelope.progress.lastNotice?.seconds)
    line.add("inflight_since", row.place.inflightSince?.seconds)
    line.add("inflight_task", row.place.inflightTask.map { "\($0)" })
    line.add("crashes", Int64(row.envelope.progress.crashes))
    addKind(row.envelope.kind, to: &line)
  }

  private static func addKind(_ kind: Envelope.Kind, to line: inout JSONLine) {
    switch kind {
    case .local(let local):
      line.add("mda_user", local.user)
      line.add("mda_subaddress", local.subaddress)
      line.add("mda_command", local.command)
    case .relay: break
    case .bounce(.failed): line.add("bounce", "failed")
    case .bounce(.delayed(let after, let timeToLive)):
      line.add("bounce", "delayed")
      line.add("bounce_delay", after.wholeSeconds)
      line.add("bounce_ttl", timeToLive.wholeSeconds)
    case .bounce(.delivered): line.add("bounce", "delivered")
    }
  }
}

extension NotifyConditions {
  /// The words of RFC 3461's NOTIFY in lower case.
  var words: [String] {
    var words: [String] = []
    if contains(.success) { words.append("success") }
    if contains(.failure) { words.append("failure") }
    if contains(.delay) { words.append("delay") }
    if contains(.never) { words.append("never") }
    return words
  }
}
