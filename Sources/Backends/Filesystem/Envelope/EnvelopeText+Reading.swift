// SPDX-License-Identifier: ISC

package import Mail
package import Queue

extension EnvelopeText {
  /// Reads a file of OpenSMTPD's or of ours. A size that the file does not tell is zero.
  package static func decode(
    _ bytes: [UInt8],
    id: EnvelopeID
  ) throws(EnvelopeTextError) -> StoredEnvelope {
    try content(bytes, id: id).stored
  }

  /// What a file says, of the body too.
  struct Content {
    var stored: StoredEnvelope
    /// CRC-32C of the message's body.
    var bodyChecksum: UInt32?
  }

  /// As `decode`.
  static func content(
    _ bytes: [UInt8],
    id: EnvelopeID
  ) throws(EnvelopeTextError) -> Content {
    guard bytes.count <= fileMax else { throw .init(line: 0, problem: "longer than an envelope") }
    if bytes.starts(with: [0x1f, 0x8b]) { throw .init(line: 0, problem: "compressed") }
    var parser = Parser(id: id)
    var number = 0
    for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
      number += 1
      if line.isEmpty, number > 1 { continue }
      do throws(Problem) {
        try parser.read(line)
      } catch {
        throw .init(line: number, problem: error.text)
      }
    }
    do throws(Problem) {
      let bodyChecksum = parser.bodyChecksum
      return Content(stored: try parser.finish(), bodyChecksum: bodyChecksum)
    } catch {
      throw .init(line: 0, problem: error.text)
    }
  }

  struct Problem: Error {
    var text: String

    init(_ text: String) { self.text = text }
  }

  /// What the lines have said so far.
  struct Parser {
    private let id: EnvelopeID
    private var numbers: [String: Int64] = [:]
    private var texts: [Field: String] = [:]
    private var addresses: [String: Address?] = [:]
    private var words: [String: String] = [:]
    private var notes: [String: String] = [:]
    private var hexadecimal: [String: [UInt8]] = [:]

    /// Seconds of a time beyond which no clock of ours goes.
    private static let secondsMax: Int64 = 9_000_000_000_000

    private static let limits: [String: Int64] = [
      "ctime": secondsMax, "last-try": secondsMax, "last-bounce": secondsMax, "ttl": secondsMax,
      "bounce-ttl": secondsMax, "bounce-delay": secondsMax, "retry": 65535, "dsn-notify": 255,
      "esc-class": 255, "esc-code": 255, "content-needs": 255,
    ]
    private static let wordFields: Set<String> = [
      "type", "sockaddr", "flags", "dsn-ret", "bounce-type", "hold-until", "deliver-by",
      "suspension", "mda-form",
    ]

    init(id: EnvelopeID) { self.id = id }

    mutating func read(_ line: ArraySlice<UInt8>) throws(Problem) {
      var rest = line
      let name = rest.prefix { EnvelopeText.isNameByte($0) }
      rest = rest.dropFirst(name.count).drop { EnvelopeText.isBlank($0) }
      guard !name.isEmpty, name.count <= 32, rest.first == 0x3a else {
        throw Problem("not a field")
      }
      let value = rest.dropFirst().drop { EnvelopeText.isBlank($0) }
      try take(String(decoding: name, as: UTF8.self).lowercased(), value)
    }

    private mutating func take(
      _ name: String,
      _ value: ArraySlice<UInt8>
    ) throws(Problem) {
      if let limit = Parser.limits[name] {
        guard let number = EnvelopeText.number(value), number <= limit else {
          throw Problem("\(name): not a number of this field")
        }
        numbers[name] = number
      } else if let field = Field(rawValue: name) {
        guard value.count <= field.limit else { throw Problem("\(name): too long") }
        // OpenSMTPD stores what clients said, in whatever character set.
        texts[field] = EnvelopeText.printableText(value)
      } else if Parser.wordFields.contains(name) {
        guard value.count <= 128 else { throw Problem("\(name): too long") }
        words[name] = String(decoding: value, as: UTF8.self)
      } else {
        try takeOther(name, value)
      }
    }

    private mutating func takeOther(
      _ name: String,
      _ value: ArraySlice<UInt8>
    ) throws(Problem) {
      switch name {
      case "version":
        var parts = value.split(separator: 0x20).makeIterator()
        guard parts.next() == [0x33] else { throw Problem("not version 3") }
        numbers[name] = 3
        while let part = parts.next() {
          let pair = part.split(separator: 0x3d, maxSplits: 1)
          guard pair.count == 2, notes.count < 32 else { throw Problem("version: not a note") }
          notes[String(decoding: pair[0], as: UTF8.self)] = String(
            decoding: pair[1],
            as: UTF8.self
          )
        }
      case "sender", "rcpt", "dest":
        addresses[name] = .some(try EnvelopeText.address(value, name))
      case "exact-sender", "exact-rcpt", "exact-dest":
        addresses[String(name.dropFirst(6))] = .some(try EnvelopeText.exactAddress(value, name))
      case "message-fields", "envelope-fields":
        hexadecimal[name] = try EnvelopeText.bytes(hexadecimal: value, name)
      default:
        guard name.hasPrefix("exact-"), let field = Field(rawValue: String(name.dropFirst(6)))
        else { throw Problem("\(name): unknown field") }
        let text = try EnvelopeText.unescaped(value, name)
        guard text.utf8.count <= field.limit else { throw Problem("\(name): too long") }
        texts[field] = text
      }
    }

    /// Nil where there is none, as OpenSMTPD writes it, and where it cannot be read.
    var bodyChecksum: UInt32? {
      notes[EnvelopeText.bodyChecksumNote].flatMap { UInt32($0, radix: 16) }
    }

    consuming func finish() throws(Problem) -> StoredEnvelope {
      guard numbers["version"] != nil else { throw Problem("no version") }
      guard let created = time("ctime") else { throw Problem("no ctime") }
      guard case .some(.some(let recipient)) = addresses["rcpt"] else { throw Problem("no rcpt") }
      guard let sender = addresses["sender"] else { throw Problem("no sender") }
      var envelope = Envelope(
        id: id,
        kind: try kind(),
        action: texts[.dispatcher] ?? "",
        recipient: recipient,
        destination: (addresses["dest"] ?? recipient) ?? recipient,
        created: created
      )
      let flags = try flags()
      if flags.contains("internal") { envelope.origin = .expansion }
      try fill(&envelope)
      var message = Message(
        id: id.message,
        sender: sender,
        created: noted("message-ctime").map { Instant(milliseconds: $0) } ?? created,
        size: Int(clamping: max(0, noted("size") ?? 0)),
        session: SessionFacts(
          id: SessionID(notes["session"].flatMap { UInt64($0, radix: 16) } ?? 0),
          source: try source(),
          serverName: texts[.smtpname] ?? "",
          helo: texts[.helo] ?? "",
          hostname: texts[.hostname] ?? "",
          user: texts[.username].flatMap { $0.isEmpty ? nil : $0 },
          tag: texts[.tag] ?? ""
        )
      )
      if flags.contains("authenticated"), !message.session.isAuthenticated {
        message.session.user = ""
      }
      try fill(&message)
      return StoredEnvelope(message: message, envelope: envelope)
    }

    private func noted(_ name: String) -> Int64? { notes[name].flatMap { Int64($0) } }

    private func milliseconds(_ name: String) -> Int64? {
      guard let seconds = numbers[name] else { return nil }
      let rest = noted("\(name)-ms") ?? 0
      return seconds * 1000 + (0..<1000 ~= rest ? rest : 0)
    }

    private func time(_ name: String) -> Instant? {
      milliseconds(name).map { Instant(milliseconds: $0) }
    }

    private func kind() throws(Problem) -> Envelope.Kind {
      switch words["type"]?.lowercased() {
      case "mta": return .relay
      case "mda":
        return .local(
          LocalDelivery(
            user: texts[.user] ?? "",
            subaddress: texts[.subaddress].flatMap { $0.isEmpty ? nil : $0 },
            method: try method()
          )
        )
      case "bounce": break
      default: throw Problem("type: none that is known")
      }
      switch words["bounce-type"]?.lowercased() {
      case "failed", "error": return .bounce(.failed)
      case "delivered", "dsn": return .bounce(.delivered)
      case "delayed", "warn":
        return .bounce(
          .delayed(
            after: .milliseconds(milliseconds("bounce-delay") ?? 0),
            timeToLive: .milliseconds(milliseconds("bounce-ttl") ?? 0)
          )
        )
      default: throw Problem("bounce-type: none that is known")
      }
    }

    /// OpenSMTPD does not say where a command comes from, but only those of aliases have its own user.
    private func method() throws(Problem) -> LocalDelivery.Method {
      guard let text = texts[.command], !text.isEmpty else { return .action }
      let isAlias = notes["node"] == "alias" || texts[.user] == LocalDelivery.aliasUser
      let provenance: LocalDelivery.Provenance = isAlias ? .alias : .forward
      switch words["mda-form"] {
      case nil: return .command(text, provenance)
      case "file"?: return .file(text, provenance)
      default: throw Problem("mda-form: none that is known")
      }
    }

    private func source() throws(Problem) -> SourceAddress {
      guard let text = words["sockaddr"], text != "local" else { return .local }
      var inner = text[...]
      if inner.first == "[", inner.last == "]" { inner = inner.dropFirst().dropLast() }
      if inner.lowercased().hasPrefix("ipv6:") { inner = inner.dropFirst(5) }
      if let scope = inner.firstIndex(of: "%") { inner = inner[..<scope] }
      guard let address = IPAddress(parsing: inner) else {
        throw Problem("sockaddr: not an address")
      }
      return address.source
    }

    private func fill(_ envelope: inout Envelope) throws(Problem) {
      // Earlier servers wrote no flag of it.
      if notes["origin"] == "expansion" { envelope.origin = .expansion }
      envelope.timeToLive = .milliseconds(milliseconds("ttl") ?? 0)
      envelope.notify = NotifyConditions(rawValue: UInt8(clamping: numbers["dsn-notify"] ?? 0))
      if let original = texts[.originalRecipient], !original.isEmpty, original != "@" {
        let parts = original.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
        envelope.originalRecipient =
          parts.count == 2 ? "\(parts[0]);\(decoded(parts[1]))" : "rfc822;\(original.prefix(500))"
      }
      guard envelope.originalRecipient?.utf8.count ?? 0 <= RecordLimits.originalRecipient else {
        throw Problem("dsn-orcpt: too long")
      }
      envelope.unknownFields = hexadecimal["envelope-fields"] ?? []
      envelope.progress.tries = UInt16(clamping: numbers["retry"] ?? 0)
      envelope.progress.lastTry = time("last-try").flatMap { $0 == .epoch ? nil : $0 }
      envelope.progress.lastNotice = time("last-bounce").flatMap { $0 == .epoch ? nil : $0 }
      envelope.progress.lastError = Envelope.errorText(texts[.errorline] ?? "")
      envelope.progress.lastStatus = try status()
      envelope.progress.lastPeer = Envelope.peerName(notes["peer"] ?? "")
      envelope.progress.crashes = UInt8(clamping: noted("crashes") ?? 0)
      switch words["suspension"] {
      case nil: break
      case "operator"?: envelope.progress.suspension = .operatorPause
      case "quarantine"?: envelope.progress.suspension = .quarantine
      case "removed"?: envelope.progress.suspension = .removed
      default: throw Problem("suspension: none that is known")
      }
      if let hold = words["hold-until"] {
        guard let moment = Int64(hold) else { throw Problem("hold-until: not a number") }
        envelope.holdUntil = Instant(milliseconds: moment)
      }
      if let text = words["deliver-by"] {
        let parts = text.split(separator: " ")
        guard parts.count == 2, let moment = Int64(parts[0]),
          parts[1] == "notify" || parts[1] == "return"
        else { throw Problem("deliver-by: not a deadline") }
        envelope.deliverBy = DeliverBy(
          deadline: Instant(milliseconds: moment),
          mode: parts[1] == "notify" ? .notify : .return
        )
      }
    }

    private func status() throws(Problem) -> EnhancedStatus? {
      if let text = notes["status"] {
        let parts = text.split(separator: ".").map { UInt16($0) }
        guard parts.count == 3, let first = parts[0], let subject = parts[1],
          let detail = parts[2], subject <= 999, detail <= 999,
          let `class` = EnhancedStatus.Class(rawValue: UInt8(clamping: first))
        else { throw Problem("version: not a status") }
        return EnhancedStatus(`class`, subject, detail)
      }
      guard let first = numbers["esc-class"], first != 0 else { return nil }
      guard let `class` = EnhancedStatus.Class(rawValue: UInt8(clamping: first)) else {
        throw Problem("esc-class: none that is known")
      }
      let code = UInt16(clamping: numbers["esc-code"] ?? 0)
      return EnhancedStatus(`class`, code / 10, code % 10)
    }

    /// The words that say what no other field does.
    private func flags() throws(Problem) -> Set<String> {
      var flags: Set<String> = []
      for word in (words["flags"] ?? "").split(whereSeparator: { " ,|".contains($0) }) {
        let flag = word.lowercased()
        switch flag {
        case "authenticated", "internal": flags.insert(flag)
        case "bounce", "enqueued": break
        default: throw Problem("flags: \(word) is unknown")
        }
      }
      return flags
    }

    /// What stands there as xtext; anything else as it is.
    private func decoded(_ text: Substring) -> String {
      Xtext.decode(Array(text.utf8).span) ?? String(text)
    }

    private func fill(_ message: inout Message) throws(Problem) {
      switch words["dsn-ret"]?.lowercased() {
      case nil: break
      case "full"?: message.returnContent = .full
      case "hdrs"?: message.returnContent = .headers
      default: throw Problem("dsn-ret: none that is known")
      }
      message.envelopeIdentifier = texts[.envelopeIdentifier].flatMap { text in
        text.isEmpty ? nil : decoded(text[...])
      }
      guard message.envelopeIdentifier?.utf8.count ?? 0 <= RecordLimits.envelopeIdentifier else {
        throw Problem("dsn-envid: too long")
      }
      message.priority = Int8(clamping: noted("priority") ?? 0)
      message.session.transport = notes["transport"] == "tls" ? .tls : .clear
      var content = ContentFlags(rawValue: UInt8(clamping: numbers["content-needs"] ?? 0))
      if notes["content"] == "8bit" { content.insert(.eightBit) }
      message.content = content
      message.unknownFields = hexadecimal["message-fields"] ?? []
    }
  }
}
