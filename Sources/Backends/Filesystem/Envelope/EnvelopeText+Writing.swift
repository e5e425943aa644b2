// SPDX-License-Identifier: ISC

package import Mail
internal import Queue

extension EnvelopeText {
  /// The file's content.
  ///
  /// - Parameter bodyChecksum: CRC-32C of the message's body, where it is known.
  package static func encode(
    _ message: Message,
    _ envelope: Envelope,
    bodyChecksum: UInt32? = nil
  ) -> [UInt8] {
    var writer = Writer()
    if let bodyChecksum {
      let digits = String(bodyChecksum, radix: 16)
      let zeros = String(repeating: "0", count: 8 - digits.utf8.count)
      writer.note(bodyChecksumNote, zeros + digits)
    }
    writer.text(.dispatcher, envelope.action)
    writer.text(.tag, message.session.tag)
    writer.plain("type", type(of: envelope.kind))
    writeSession(message, to: &writer)
    writer.text(.errorline, envelope.progress.lastError)
    writer.plain("sockaddr", source(message.session.source))
    writer.address("sender", message.sender)
    writer.address("rcpt", envelope.recipient)
    writer.address("dest", envelope.destination)
    writeTimes(message, envelope, to: &writer)
    writeNotification(message, envelope, to: &writer)
    writeStatus(envelope.progress.lastStatus, to: &writer)
    writeKind(envelope.kind, to: &writer)
    writeRest(message, envelope, to: &writer)
    return writer.finish()
  }

  private static func type(of kind: Envelope.Kind) -> String {
    switch kind {
    case .local: "mda"
    case .relay: "mta"
    case .bounce: "bounce"
    }
  }

  private static func source(_ source: SourceAddress) -> String {
    switch IPAddress(source) {
    case nil: "local"
    case .inet4(let value)?: IPAddress.inet4(value).description
    case .inet6(let high, let low)?: "[\(IPAddress.inet6(high, low))]"
    }
  }

  private static func writeSession(_ message: Message, to writer: inout Writer) {
    let session = message.session
    writer.text(.smtpname, session.serverName)
    writer.text(.helo, session.helo)
    writer.text(.hostname, session.hostname)
    writer.text(.username, session.user ?? "")
    if session.id.rawValue != 0 { writer.note("session", "\(session.id)") }
    if session.transport == .tls { writer.note("transport", "tls") }
    if message.size != 0 { writer.note("size", "\(message.size)") }
    if message.priority != 0 { writer.note("priority", "\(message.priority)") }
    if message.content.contains(.eightBit) { writer.note("content", "8bit") }
  }

  private static func writeTimes(
    _ message: Message,
    _ envelope: Envelope,
    to writer: inout Writer
  ) {
    let progress = envelope.progress
    writer.time("ctime", envelope.created.milliseconds)
    if message.created != envelope.created {
      writer.note("message-ctime", "\(message.created.milliseconds)")
    }
    if let lastTry = progress.lastTry { writer.time("last-try", lastTry.milliseconds) }
    if let last = progress.lastNotice { writer.time("last-bounce", last.milliseconds) }
    writer.time("ttl", envelope.timeToLive.wholeMilliseconds)
    writer.plain("retry", "\(progress.tries)")
    var flags: [String] = []
    if message.session.isAuthenticated { flags.append("authenticated") }
    if envelope.origin == .expansion { flags.append("internal") }
    writer.plain("flags", flags.joined(separator: " "))
    if progress.crashes != 0 { writer.note("crashes", "\(progress.crashes)") }
    if !progress.lastPeer.isEmpty { writer.note("peer", progress.lastPeer) }
    if envelope.origin == .expansion { writer.note("origin", "expansion") }
  }

  private static func writeNotification(
    _ message: Message,
    _ envelope: Envelope,
    to writer: inout Writer
  ) {
    if !envelope.notify.isEmpty { writer.plain("dsn-notify", "\(envelope.notify.rawValue)") }
    switch message.returnContent {
    case .full?: writer.plain("dsn-ret", "FULL")
    case .headers?: writer.plain("dsn-ret", "HDRS")
    case nil: break
    }
    // OpenSMTPD keeps them as they came, and sends them so.
    writer.text(.envelopeIdentifier, encoded(message.envelopeIdentifier ?? ""))
    let original = envelope.originalRecipient ?? ""
    let parts = original.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
    writer.text(
      .originalRecipient,
      parts.count == 2 ? "\(parts[0]);\(encoded(String(parts[1])))" : original
    )
  }

  /// As xtext; as it is where that would not be read as the same.
  private static func encoded(_ text: String) -> String {
    let bytes = Xtext.encode(text)
    return Xtext.decode(bytes.span) == text ? String(decoding: bytes, as: UTF8.self) : text
  }

  private static func writeStatus(_ status: EnhancedStatus?, to writer: inout Writer) {
    guard let status else { return }
    if status.subject <= 24, status.detail <= 9 {
      writer.plain("esc-class", "\(status.class.rawValue)")
      writer.plain("esc-code", "\(status.subject * 10 + status.detail)")
    } else {
      writer.note("status", "\(status)")
    }
  }

  private static func writeKind(_ kind: Envelope.Kind, to writer: inout Writer) {
    switch kind {
    case .relay: break
    case .local(let local):
      writeMethod(local.method, to: &writer)
      writer.text(.subaddress, local.subaddress ?? "")
      writer.text(.user, local.user)
    case .bounce(.failed): writer.plain("bounce-type", "failed")
    case .bounce(.delivered): writer.plain("bounce-type", "delivered")
    case .bounce(.delayed(let after, let timeToLive)):
      writer.time("bounce-ttl", timeToLive.wholeMilliseconds)
      writer.time("bounce-delay", after.wholeMilliseconds)
      writer.plain("bounce-type", "delayed")
    }
  }

  /// A version 3 reader would run a file as a command, so the field that says what it is must not be
  /// lost; where a command comes from does not change what it does.
  private static func writeMethod(
    _ method: LocalDelivery.Method,
    to writer: inout Writer
  ) {
    switch method {
    case .action: break
    case .command(let text, let provenance):
      if provenance == .alias { writer.note("node", "alias") }
      writer.text(.command, text)
    case .file(let path, let provenance):
      if provenance == .alias { writer.note("node", "alias") }
      writer.plain("mda-form", "file")
      writer.text(.command, path)
    }
  }

  private static func writeRest(
    _ message: Message,
    _ envelope: Envelope,
    to writer: inout Writer
  ) {
    if let holdUntil = envelope.holdUntil {
      writer.plain("hold-until", "\(holdUntil.milliseconds)")
    }
    if let deliverBy = envelope.deliverBy {
      let mode = deliverBy.mode == .notify ? "notify" : "return"
      writer.plain("deliver-by", "\(deliverBy.deadline.milliseconds) \(mode)")
    }
    switch envelope.progress.suspension {
    case .none: break
    case .operatorPause: writer.plain("suspension", "operator")
    case .quarantine: writer.plain("suspension", "quarantine")
    case .removed: writer.plain("suspension", "removed")
    }
    let needs = message.content.subtracting(.eightBit)
    if !needs.isEmpty { writer.plain("content-needs", "\(needs.rawValue)") }
    writer.hexadecimal("message-fields", message.unknownFields)
    writer.hexadecimal("envelope-fields", envelope.unknownFields)
  }
}

extension EnvelopeText {
  /// Collects the lines of one file.
  struct Writer {
    private var notes = ""
    private var lines: [UInt8] = []

    init() { lines.reserveCapacity(512) }

    func finish() -> [UInt8] {
      var content: [UInt8] = []
      content.reserveCapacity(lines.count + notes.utf8.count + 32)
      if !notes.isEmpty { content.append(contentsOf: "version: 3\(notes)\n".utf8) }
      content.append(contentsOf: "version: 3\n".utf8)
      content.append(contentsOf: lines)
      return content
    }

    /// A word of the first line, without blanks in it.
    mutating func note(_ name: String, _ value: String) { notes += " \(name)=\(value)" }

    /// A line whose value is of our own making; none when it is empty.
    mutating func plain(_ name: String, _ value: String) {
      guard !value.isEmpty else { return }
      lines.append(contentsOf: name.utf8)
      lines.append(0x3a)
      lines.append(0x20)
      lines.append(contentsOf: value.utf8)
      lines.append(0x0a)
    }

    /// Whole seconds in the field, what is left of a second in a note.
    mutating func time(_ name: String, _ milliseconds: Int64) {
      let known = max(0, milliseconds)
      plain(name, "\(known / 1000)")
      if known % 1000 != 0 { note("\(name)-ms", "\(known % 1000)") }
    }

    /// A text that came from outside.
    mutating func text(_ field: Field, _ value: String) {
      guard !value.isEmpty else { return }
      outside(field.rawValue, value.utf8) { EnvelopeText.escape(value.utf8, and: []) }
    }

    mutating func address(_ name: String, _ address: Address?) {
      guard let address else {
        plain(name, "@")
        return
      }
      let whole = "\(address.local)@\(address.domain)"
      let isPlain = !address.domain.utf8.contains(0x40) && whole.utf8.count > 1
      guard isPlain else {
        plain(name, "@")
        plain("exact-\(name)", EnvelopeText.exact(address))
        return
      }
      outside(name, whole.utf8) { EnvelopeText.exact(address) }
    }

    mutating func hexadecimal(_ name: String, _ bytes: [UInt8]) {
      plain(name, bytes.map { EnvelopeText.hexadecimal($0) }.joined())
    }

    private mutating func outside(
      _ name: String,
      _ value: String.UTF8View,
      exact: () -> String
    ) {
      lines.append(contentsOf: name.utf8)
      lines.append(0x3a)
      lines.append(0x20)
      let isExact = value.first != 0x20 && value.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
      for byte in value { lines.append(byte < 0x20 || byte == 0x7f ? 0x20 : byte) }
      lines.append(0x0a)
      if !isExact { plain("exact-\(name)", exact()) }
    }
  }

  private static func exact(_ address: Address) -> String {
    "\(escape(address.local.utf8, and: [0x40]))@\(escape(address.domain.utf8, and: [0x40]))"
  }

  /// `\xHH` for control characters, blanks, the backslash and `others`.
  private static func escape(_ bytes: String.UTF8View, and others: [UInt8]) -> String {
    var text: [UInt8] = []
    for byte in bytes {
      if byte <= 0x20 || byte == 0x7f || byte == 0x5c || others.contains(byte) {
        text.append(contentsOf: "\\x\(hexadecimal(byte))".utf8)
      } else {
        text.append(byte)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return byte < 16 ? "0\(digits)" : digits
  }
}
