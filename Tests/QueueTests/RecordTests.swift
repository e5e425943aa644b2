// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Queue

@Suite("Stored records")
struct RecordTests {
  /// A value in every field, none of them the default.
  static var fullEnvelope: Envelope {
    var envelope = Sample.envelope(Sample.message())
    envelope.kind = .local(
      LocalDelivery(user: "bob", subaddress: "lists", method: .command("/bin/x", .alias))
    )
    envelope.origin = .expansion
    envelope.timeToLive = .milliseconds(1234)
    envelope.notify = [.failure, .delay]
    envelope.originalRecipient = "rfc822;Bob@example.net"
    envelope.holdUntil = Instant(milliseconds: 1_800_000_000_123)
    envelope.deliverBy = DeliverBy(deadline: Instant(milliseconds: -5), mode: .notify)
    envelope.progress.tries = .max
    envelope.progress.lastTry = Sample.now
    envelope.progress.lastNotice = Sample.now - .seconds(1)
    envelope.progress.lastError = "grüße 451"
    envelope.progress.lastStatus = EnhancedStatus(.temporary, 999, 999)
    envelope.progress.suspension = .quarantine
    envelope.progress.crashes = 2
    envelope.progress.lastPeer = "mx1.example.com"
    return envelope
  }

  static var fullMessage: Message {
    var message = Sample.message()
    message.session.transport = .tls
    message.session.source = .inet6(0x2001_0db8_0000_0000, 1)
    message.content = [.eightBit, .internationalized, .requireTLS]
    message.returnContent = .headers
    message.envelopeIdentifier = "QQ314159"
    message.priority = -9
    return message
  }

  static let kinds: [Envelope.Kind] = [
    .relay, .local(LocalDelivery(user: "bob")), .bounce(.failed), .bounce(.delivered),
    .local(LocalDelivery(user: "bob", method: .command("/bin/x", .forward))),
    .local(LocalDelivery(user: "bob", method: .file("/var/x", .alias))),
    .local(LocalDelivery(user: "bob", method: .file("/var/x", .forward))),
    .bounce(.delayed(after: .seconds(14_400), timeToLive: .seconds(345_600))),
  ]

  @Test("an envelope comes back as it was", arguments: kinds)
  func envelope(kind: Envelope.Kind) throws {
    for var envelope in [RecordTests.fullEnvelope, Sample.envelope(Sample.message())] {
      envelope.kind = kind
      #expect(try Envelope(id: envelope.id, record: envelope.encodedRecord()) == envelope)
    }
  }

  @Test(
    "a message comes back as it was",
    arguments: [SourceAddress.local, .inet4(0xc000_0201), .inet6(1, 2)]
  )
  func message(source: SourceAddress) throws {
    for var message in [RecordTests.fullMessage, Sample.message()] {
      message.session.source = source
      #expect(try Message(id: message.id, record: message.encodedRecord()) == message)
      message.sender = nil
      for user in ["", nil] {
        message.session.user = user
        #expect(try Message(id: message.id, record: message.encodedRecord()) == message)
      }
    }
  }

  @Test("fields of a later version are kept as they came")
  func unknownFields() throws {
    var later = ByteWriter()
    later.writeVariable(4711)
    later.write("from the future")
    later.writeVariable(99)
    later.write([UInt8]())
    let fields = later.finish()

    let envelope = RecordTests.fullEnvelope
    var reader = try Envelope(id: envelope.id, record: envelope.encodedRecord() + fields)
    #expect(reader.unknownFields == fields)
    reader = try Envelope(id: envelope.id, record: reader.encodedRecord())
    #expect(reader.unknownFields == fields)
    reader.unknownFields = []
    #expect(reader == envelope)

    let message = RecordTests.fullMessage
    let read = try Message(id: message.id, record: message.encodedRecord() + fields)
    #expect(read.unknownFields == fields)
    #expect(try Message(id: message.id, record: read.encodedRecord()) == read)
  }

  @Test("a record that is cut off is an error, or lacks whole fields, and never traps")
  func truncation() {
    let envelope = RecordTests.fullEnvelope
    let whole = envelope.encodedRecord()
    var errors = 0
    for count in 0..<whole.count {
      let cut = Array(whole.prefix(count))
      if (try? Envelope(id: envelope.id, record: cut)) == nil { errors += 1 }
    }
    #expect(errors >= whole.count - 20)
    let message = RecordTests.fullMessage
    let bytes = message.encodedRecord()
    for count in bytes.indices {
      let read = try? Message(id: message.id, record: Array(bytes.prefix(count)))
      #expect(read != message)
    }
  }

  @Test("a flipped bit never traps, and what is read can be written and read again")
  func flippedBits() throws {
    let envelope = RecordTests.fullEnvelope
    let message = RecordTests.fullMessage
    for (bytes, isEnvelope) in [(envelope.encodedRecord(), true), (message.encodedRecord(), false)]
    {
      for index in bytes.indices {
        for bit in 0..<8 {
          var damaged = bytes
          damaged[index] ^= 1 << UInt8(bit)
          if isEnvelope {
            guard let read = try? Envelope(id: envelope.id, record: damaged) else { continue }
            #expect(try Envelope(id: envelope.id, record: read.encodedRecord()) == read)
          } else {
            guard let read = try? Message(id: message.id, record: damaged) else { continue }
            #expect(try Message(id: message.id, record: read.encodedRecord()) == read)
          }
        }
      }
    }
  }

  @Test("a record of another version is refused, and so is one that is too long")
  func refused() {
    let envelope = RecordTests.fullEnvelope
    var bytes = envelope.encodedRecord()
    bytes[0] = 2
    #expect(throws: DecodingError.invalid(field: "envelope record version")) {
      try Envelope(id: envelope.id, record: bytes)
    }
    let long = [UInt8](repeating: 1, count: RecordLimits.record + 1)
    #expect(throws: DecodingError.tooLong(field: "envelope record", length: long.count)) {
      try Envelope(id: envelope.id, record: long)
    }
    #expect(throws: DecodingError.tooLong(field: "message record", length: long.count)) {
      try Message(id: envelope.id.message, record: long)
    }
  }

  @Test("error texts are taken at the limit and refused one past it")
  func limits() throws {
    var envelope = RecordTests.fullEnvelope
    envelope.progress.lastError = String(repeating: "x", count: RecordLimits.errorText)
    #expect(try Envelope(id: envelope.id, record: envelope.encodedRecord()) == envelope)
    envelope.progress.lastError += "x"
    #expect(throws: DecodingError.self) {
      try Envelope(id: envelope.id, record: envelope.encodedRecord())
    }
  }
}
