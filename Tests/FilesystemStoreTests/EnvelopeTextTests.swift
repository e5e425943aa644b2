// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import Testing

@testable import FilesystemStore

@Suite("The text of an envelope")
struct EnvelopeTextTests {
  private let id = envelopeID(0x0123_4567, 0x89ab_cdef)

  private func decode(_ text: String) throws(EnvelopeTextError) -> StoredEnvelope {
    try EnvelopeText.decode(Array(text.utf8), id: id)
  }

  private let relay = """
    version: 3
    dispatcher: outbound
    type: mta
    smtpname: mx.example.net
    helo: client.example.org
    hostname: <unknown>
    errorline: 451 4.7.1 try again: later
    sockaddr: [2001:db8::1%eth0]
    sender: john doe@example.org
    rcpt: jane@example.com
    dest: jane@relay.example.com
    ctime: 1700000000
    last-try: 1700000400
    last-bounce: 0
    ttl: 0
    retry: 2
    flags: authenticated enqueued
    dsn-notify: 6
    dsn-ret: HDRS
    dsn-envid: QQ314159
    dsn-orcpt: rfc822;jane@example.com
    esc-class: 4
    esc-code: 71

    """

  @Test("a relayed one of OpenSMTPD's is read in full")
  func relayed() throws {
    let stored = try decode(relay)
    #expect(stored.envelope.kind == .relay)
    #expect(stored.envelope.action == "outbound")
    #expect(stored.message.sender == Address(local: "john doe", domain: "example.org"))
    #expect(stored.envelope.destination == Address(local: "jane", domain: "relay.example.com"))
    #expect(stored.message.session.source == .inet6(0x2001_0db8_0000_0000, 1))
    #expect(stored.envelope.progress.tries == 2)
    #expect(stored.envelope.progress.lastStatus == EnhancedStatus(.temporary, 7, 1))
    #expect(stored.envelope.progress.lastNotice == nil)
    #expect(stored.envelope.notify == [.failure, .delay])
    #expect(stored.message.returnContent == .headers)
    #expect(stored.envelope.originalRecipient == "rfc822;jane@example.com")
    #expect(stored.envelope.created == Instant(seconds: 1_700_000_000))
  }

  @Test("flags say who brought it and whether an alias made it, and are written again")
  func flags() throws {
    #expect(try decode(relay).message.session.user == "")
    let plain = try decode(relay.replacing("flags: authenticated enqueued", with: "flags: bounce"))
    #expect(!plain.message.session.isAuthenticated && plain.envelope.origin == .client)
    let named = try decode(relay.replacing("helo:", with: "username: ann\nhelo:"))
    #expect(named.message.session.user == "ann")
    for words in ["authenticated internal", "internal|authenticated"] {
      var text = relay.replacing("authenticated enqueued", with: words)
      let stored = try decode(text)
      #expect(stored.message.session.user == "" && stored.envelope.origin == .expansion)
      let again = EnvelopeText.encode(stored.message, stored.envelope)
      #expect(String(decoding: again, as: UTF8.self).contains("\nflags: authenticated internal\n"))
      #expect(try EnvelopeText.decode(again, id: id) == stored)
      text = text.replacing("sockaddr: [2001:db8::1%eth0]", with: "sockaddr: local")
      let local = try decode(text).message.session
      #expect(local.isAuthenticated && local.user == nil)
    }
  }

  @Test("an expansion that an earlier server noted is one")
  func notedOrigin() throws {
    let text = relay.replacing("version: 3\n", with: "version: 3 origin=expansion\nversion: 3\n")
    #expect(try decode(text).envelope.origin == .expansion)
  }

  @Test("what a client wrote as xtext stands there as it came")
  func xtext() throws {
    var text = relay.replacing("dsn-envid: QQ314159", with: "dsn-envid: env+2Bid+20x")
    text = text.replacing("rfc822;jane@example.com", with: "rfc822;a+2Bb@example.com")
    let stored = try decode(text)
    #expect(stored.message.envelopeIdentifier == "env+id x")
    #expect(stored.envelope.originalRecipient == "rfc822;a+b@example.com")
    let written = String(
      decoding: EnvelopeText.encode(stored.message, stored.envelope),
      as: UTF8.self
    )
    #expect(written.contains("\ndsn-envid: env+2Bid+20x\n"))
    #expect(written.contains("\ndsn-orcpt: rfc822;a+2Bb@example.com\n"))
    for odd in ["a=b+", "h\u{e9}"] {
      var stored = stored
      stored.envelope.originalRecipient = "rfc822;\(odd)"
      let again = String(
        decoding: EnvelopeText.encode(stored.message, stored.envelope),
        as: UTF8.self
      )
      #expect(try decode(again).envelope.originalRecipient == "rfc822;\(odd)")
    }
  }

  @Test(
    "bounces are read under their new and their old names",
    arguments: [
      ("failed", Bounce.failed), ("error", .failed), ("delivered", .delivered), ("dsn", .delivered),
      ("delayed", .delayed(after: .seconds(14_400), timeToLive: .seconds(604_800))),
      ("WARN", .delayed(after: .seconds(14_400), timeToLive: .seconds(604_800))),
    ]
  )
  func bounces(word: String, bounce: Bounce) throws {
    let text = relay.replacing("type: mta", with: "type: bounce")
    let delay = "bounce-ttl: 604800\nbounce-delay: 14400\n"
    let stored = try decode(text + delay + "bounce-type: \(word)\n")
    #expect(stored.envelope.kind == .bounce(bounce))
  }

  @Test("a local one with the null sender is read")
  func local() throws {
    let text = """
      VERSION : 3
      dispatcher: local
      type: mda
      sockaddr: local
      sender: @
      rcpt: root@example.org
      dest: admin@example.org
      ctime: 1700000000
      mda-exec: "|/usr/bin/filter \\"x\\""
      mda-subaddress: lists
      mda-user: admin
      """
    let stored = try decode(text)
    #expect(stored.message.sender == nil)
    #expect(stored.message.session.source == .local)
    #expect(
      stored.envelope.kind
        == .local(
          LocalDelivery(
            user: "admin",
            subaddress: "lists",
            method: .command("\"|/usr/bin/filter \\\"x\\\"\"", .forward)
          )
        )
    )
  }

  @Test(
    "what is no envelope is refused",
    arguments: [
      ("version: 3", "version: 2"), ("type: mta", "type: mtb"), ("retry: 2", "retry: 65536"),
      ("retry: 2", "retry: -1"), ("ctime: 1700000000", "ctime: 99999999999999999999"),
      ("flags: authenticated", "flags: inflight"), ("tag", "tag"), ("ttl: 0", "surprise: 1"),
      ("rcpt: jane@example.com", "rcpt: jane"), ("rcpt: jane@example.com\n", ""),
      ("helo: client", "helo: " + String(repeating: "x", count: 300)),
      ("dsn-ret: HDRS", "dsn-ret: SOME"), ("esc-class: 4", "esc-class: 3"),
      ("sockaddr: [2001", "sockaddr: [zzzz"), ("sender: john", "sender: j\rohn"),
    ]
  )
  func refused(old: String, new: String) throws {
    guard old != new else { return }
    #expect(relay.contains(old))
    #expect(throws: EnvelopeTextError.self) { try decode(relay.replacing(old, with: new)) }
  }

  @Test("text of another character set stays within its limit")
  func foreignText() throws {
    let line = relay.replacing("helo: client.example.org", with: "helo: #")
    var bytes = Array(line.utf8)
    let index = try #require(bytes.firstIndex(of: 0x23))
    bytes.replaceSubrange(index...index, with: [UInt8](repeating: 0xe9, count: 255))
    let stored = try EnvelopeText.decode(bytes, id: id)
    let again = EnvelopeText.encode(stored.message, stored.envelope)
    #expect(try EnvelopeText.decode(again, id: id) == stored)
  }

  @Test("any bytes are read or refused")
  func anyBytes() {
    var generator = SeededGenerator(seed: 11)
    let seed = Array(relay.utf8)
    for _ in 0..<300 {
      var bytes = seed
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let index = Int.random(in: bytes.indices, using: &generator)
        bytes[index] = UInt8.random(in: 0...255, using: &generator)
      }
      JournalFuzzing.run(bytes)
    }
  }

  @Test("every cut of a file is read or refused, and so is every flipped bit")
  func damaged() {
    let bytes = Array(relay.utf8)
    for length in 0..<bytes.count {
      _ = try? EnvelopeText.decode(Array(bytes[..<length]), id: id)
    }
    for index in bytes.indices {
      for bit in 0..<8 {
        var other = bytes
        other[index] ^= 1 << UInt8(bit)
        _ = try? EnvelopeText.decode(other, id: id)
      }
    }
  }

  @Test("everything that an envelope can hold comes back")
  func roundTrip() throws {
    var message = makeMessage(0x0123_4567, size: 1234)
    message.session.user = "john\nrcpt: evil@example.org"
    message.session.transport = .tls
    message.session.tag = " tagged"
    message.content = [.eightBit, .requireTLS]
    message.returnContent = .full
    message.envelopeIdentifier = "a\\b"
    message.priority = -3
    message.unknownFields = [0, 1, 255]
    message.created = Instant(milliseconds: 1_690_000_000_001)
    var envelope = makeEnvelope(0x0123_4567, 0x89ab_cdef)
    envelope.recipient = Address(local: "a@b\r\nDATA", domain: "example.com")
    envelope.origin = .expansion
    envelope.timeToLive = .milliseconds(1500)
    envelope.notify = .success
    envelope.holdUntil = Instant(milliseconds: 1_800_000_000_009)
    envelope.deliverBy = DeliverBy(deadline: Instant(milliseconds: -5), mode: .return)
    envelope.unknownFields = [7]
    envelope.progress.tries = 65535
    envelope.progress.lastTry = Instant(milliseconds: 1_700_000_001_001)
    envelope.progress.lastNotice = Instant(milliseconds: 1_700_000_002_002)
    envelope.progress.lastError = "  leading blanks: é"
    envelope.progress.suspension = .removed
    envelope.progress.crashes = 2
    envelope.progress.lastPeer = "[IPv6:2001:db8::1]"
    let kinds: [Envelope.Kind] = [
      .relay, .bounce(.failed), .bounce(.delivered), .local(LocalDelivery(user: "u\u{0}v")),
      .bounce(.delayed(after: .milliseconds(1), timeToLive: .milliseconds(2001))),
      .local(LocalDelivery(user: "u", subaddress: "s", method: .command("x\n", .alias))),
      .local(LocalDelivery(user: "u", method: .command("x", .forward))),
      .local(LocalDelivery(user: "u", method: .file("/x", .alias))),
      .local(LocalDelivery(user: "u", method: .file("/x", .forward))),
    ]
    let statuses = [
      nil, EnhancedStatus(.permanent, 1, 1), EnhancedStatus(.temporary, 999, 123),
      EnhancedStatus(.success, 24, 9), EnhancedStatus(.success, 7, 25),
    ]
    for kind in kinds {
      for status in statuses {
        envelope.kind = kind
        envelope.progress.lastStatus = status
        let bytes = EnvelopeText.encode(message, envelope)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        #expect(lines.allSatisfy { $0.contains(":") })
        #expect(lines.filter { $0.hasPrefix("rcpt:") }.count == 1)
        let stored = try EnvelopeText.decode(bytes, id: id)
        #expect(stored == StoredEnvelope(message: message, envelope: envelope))
      }
    }
  }

  @Test("the checksum of a body is a word that a version 3 reader does not see")
  func bodyChecksum() throws {
    let message = makeMessage(1, size: 9)
    let envelope = makeEnvelope(1, 1)
    for checksum: UInt32 in [0, 0xab, .max] {
      let bytes = EnvelopeText.encode(message, envelope, bodyChecksum: checksum)
      let content = try EnvelopeText.content(bytes, id: envelope.id)
      #expect(content.bodyChecksum == checksum)
      #expect(content.stored == StoredEnvelope(message: message, envelope: envelope))
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      #expect(lines[1] == "version: 3" && lines.filter { $0.contains("body-crc") }.count == 1)
    }
    #expect(
      String(decoding: EnvelopeText.encode(message, envelope, bodyChecksum: 0xab), as: UTF8.self)
        .hasPrefix("version: 3 body-crc=000000ab session=")
    )
    let without = EnvelopeText.encode(message, envelope)
    #expect(try EnvelopeText.content(without, id: envelope.id).bodyChecksum == nil)
  }

  @Test("an ordinary envelope has version 3's fields alone, in its order")
  func ordinary() {
    let text = String(
      decoding: EnvelopeText.encode(makeMessage(1, size: 9), makeEnvelope(1, 1)),
      as: UTF8.self
    )
    #expect(
      text == """
        version: 3 session=1122334455667788 size=9 ctime-ms=123
        version: 3
        dispatcher: out
        type: mta
        smtpname: mx.example.net
        helo: client.example.org
        hostname: client.example.org
        sockaddr: 192.0.2.1
        sender: sender@example.org
        rcpt: r1@example.com
        dest: r1@example.com
        ctime: 1700000000
        ttl: 0
        retry: 0

        """
    )
  }
}
