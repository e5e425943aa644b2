// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// An envelope as `show envelope` prints it: the fields of OpenSMTPD's version 3 queue file in that
/// file's order, then, where they are not the default, the fields that only Talaria has.
struct EnvelopeText {
  private(set) var bytes: [UInt8] = []

  init(_ row: EnvelopeRow) {
    let envelope = row.envelope
    add("version", 3)
    add("dispatcher", envelope.action)
    addSession(row)
    add("ctime", envelope.created.seconds)
    add("last-try", envelope.progress.lastTry?.seconds ?? 0)
    add("last-bounce", envelope.progress.lastNotice?.seconds ?? 0)
    add("ttl", row.timeToLiveSeconds)
    add("retry", Int64(envelope.progress.tries))
    add("flags", EnvelopeText.flags(of: row))
    addNotification(row)
    addKind(envelope.kind)
    addExtensions(row)
  }

  private mutating func add(_ field: StaticString, _ value: String) {
    guard !value.isEmpty else { return }
    bytes.append(text: field.description)
    bytes.append(text: ": ")
    bytes.append(visible: value)
    bytes.append(UInt8(ascii: "\n"))
  }

  private mutating func add(_ field: StaticString, _ value: Int64) {
    bytes.append(text: field.description)
    bytes.append(text: ": ")
    bytes.append(decimal: value)
    bytes.append(UInt8(ascii: "\n"))
  }

  private mutating func add(_ field: StaticString, _ address: Address?) {
    bytes.append(text: field.description)
    bytes.append(text: ": ")
    bytes.append(address: address)
    bytes.append(UInt8(ascii: "\n"))
  }

  private mutating func addSession(_ row: EnvelopeRow) {
    let session = row.message.session
    add("tag", session.tag)
    add("type", row.envelope.kind.agentWord)
    add("smtpname", session.serverName)
    add("helo", session.helo)
    add("hostname", session.hostname)
    add("username", session.user ?? "")
    add("errorline", row.envelope.progress.lastError)
    add("sockaddr", session.source.queueFileText)
    add("sender", row.message.sender)
    add("rcpt", row.envelope.recipient)
    add("dest", row.envelope.destination)
  }

  private mutating func addNotification(_ row: EnvelopeRow) {
    add("dsn-notify", Int64(row.envelope.notify.rawValue))
    switch row.message.returnContent {
    case .full: add("dsn-ret", "FULL")
    case .headers: add("dsn-ret", "HDRS")
    case nil: break
    }
    add("dsn-envid", row.message.envelopeIdentifier ?? "")
    add("dsn-orcpt", row.envelope.originalRecipient ?? "")
    if let status = row.envelope.progress.lastStatus {
      add("esc-class", Int64(status.class.rawValue))
      add("esc-code", Int64(status.subject) * 10 + Int64(status.detail))
    }
  }

  private mutating func addKind(_ kind: Envelope.Kind) {
    switch kind {
    case .local(let local):
      add("mda-exec", local.command ?? "")
      add("mda-subaddress", local.subaddress ?? "")
      add("mda-user", local.user)
    case .relay: break
    case .bounce(.failed): add("bounce-type", "failed")
    case .bounce(.delayed(let after, let timeToLive)):
      add("bounce-ttl", timeToLive.wholeSeconds)
      add("bounce-delay", after.wholeSeconds)
      add("bounce-type", "delayed")
    case .bounce(.delivered): add("bounce-type", "delivered")
    }
  }

  private mutating func addExtensions(_ row: EnvelopeRow) {
    add("x-session", row.message.session.id.description)
    add("x-size", Int64(row.message.size))
    if row.message.session.transport == .tls { add("x-transport", "tls") }
    add("x-content", row.message.content.words.joined(separator: " "))
    if row.message.priority != 0 { add("x-priority", Int64(row.message.priority)) }
    if let until = row.envelope.holdUntil { add("x-hold-until", until.seconds) }
    if let deliverBy = row.envelope.deliverBy {
      add("x-deliver-by", deliverBy.deadline.seconds)
      add("x-deliver-by-mode", deliverBy.mode == .return ? "return" : "notify")
    }
    switch row.envelope.progress.suspension {
    case .none: break
    case .operatorPause: add("x-suspended", "operator")
    case .quarantine: add("x-suspended", "quarantine")
    case .removed: add("x-suspended", "removed")
    }
    if let since = row.place.inflightSince { add("x-inflight-since", since.seconds) }
    if let task = row.place.inflightTask { add("x-inflight-task", "\(task)") }
    if row.envelope.progress.crashes > 0 {
      add("x-crashes", Int64(row.envelope.progress.crashes))
    }
  }

  private static func flags(of row: EnvelopeRow) -> String {
    var words: [String] = []
    if row.message.session.isAuthenticated { words.append("authenticated") }
    if row.envelope.kind.isBounce { words.append("bounce") }
    if row.envelope.origin == .expansion { words.append("internal") }
    return words.joined(separator: " ")
  }
}

extension SourceAddress {
  /// `local`, a dotted quad, or an IPv6 address in brackets.
  var queueFileText: String {
    switch IPAddress(self) {
    case nil: "local"
    case .inet4(let value): IPAddress.inet4(value).description
    case .some(let address): "[\(address)]"
    }
  }
}

extension ContentFlags {
  /// The names of the SMTP extensions that the content needs.
  var words: [String] {
    var words: [String] = []
    if contains(.eightBit) { words.append("8bitmime") }
    if contains(.internationalized) { words.append("smtputf8") }
    if contains(.requireTLS) { words.append("requiretls") }
    return words
  }
}
