// SPDX-License-Identifier: ISC

import Mail
import Queue
import Testing

@testable import Interprocess

@Suite("Edge messages")
struct EdgeMessageTests {
  private static let address = Address(local: "u", domain: "example.org")

  private static func message() throws -> Message {
    let facts = SessionFacts(
      id: SessionID(1),
      source: .inet4(1),
      serverName: "mail",
      helo: "me",
      hostname: "host"
    )
    return Message(
      id: try #require(MessageID(7)),
      sender: address,
      created: .epoch,
      size: 3,
      session: facts
    )
  }

  private static func envelope() throws -> Envelope {
    Envelope(
      id: try #require(EnvelopeID(0x7_0000_0001)),
      kind: .local(LocalDelivery(user: "u", subaddress: "x")),
      action: "a",
      recipient: address,
      destination: address,
      created: .epoch
    )
  }

  private static func encoded(_ message: some EdgeMessage) -> [UInt8] {
    var writer = ByteWriter()
    message.encode(into: &writer)
    return writer.finish()
  }

  /// The message survives the way there and back, and none of its beginnings is a message.
  private static func check<Sent: EdgeMessage>(_ message: Sent) throws {
    let bytes = encoded(message)
    var reader = ByteReader(bytes)
    let again = try Sent(decoding: &reader)
    try reader.expectEnd()
    #expect(encoded(again) == bytes)
    for length in 0..<bytes.count {
      var short = ByteReader(Array(bytes[..<length]))
      #expect(throws: DecodingError.self, "\(message) cut at \(length)") {
        try Sent(decoding: &short)
      }
    }
    for index in bytes.indices {
      for value: UInt8 in [0, 0x7f, 0x80, 0xff] {
        var wrong = bytes
        wrong[index] = value
        var reader = ByteReader(wrong)
        // Anything but a trap.
        _ = try? Sent(decoding: &reader)
      }
    }
  }

  @Test("what tables say of relays and of listeners' names survives the way there and back")
  func tables() throws {
    let address = IPAddress.inet4(0xc000_0201)
    let wide = IPAddress.inet6(0x2001_0db8 << 32, 7)
    try Self.check(DeliveryToLookup.relay(token: 1, action: "out", domain: "example.org"))
    for facts in [
      RelayFacts(host: nil, sources: [], heloNames: []),
      RelayFacts(
        host: "smtp://a",
        sources: [address, wide],
        heloNames: [RelayFacts.HeloName(address: wide, name: "mx")]
      ),
    ] { try Self.check(LookupToDelivery.relay(token: 1, facts)) }
    try Self.check(LookupToDelivery.refused(token: 2, reason: "Table t cannot be read"))
    try Self.check(FrontendToLookup.hostName(token: 1, listener: 2, wide))
    for source: SourceAddress in [.local, .inet4(0xc000_0201), .inet6(1, 2)] {
      try Self.check(FrontendToLookup.ended(SessionID(7), source))
    }
    try Self.check(LookupToFrontend.hostName(token: 1, "mx.example.org"))
    try Self.check(LookupToFrontend.hostName(token: 1, nil))
  }

  @Test("every message survives the way there and back, and no cut-off one is taken")
  func roundTrips() throws {
    let message = try Self.message()
    let envelope = try Self.envelope()
    let id = message.id
    let reply = Reply(550, EnhancedStatus(.permanent, 1, 1), "No", "Really")
    for sent: FrontendToQueue in [
      .reserve, .body(id, [1, 2]), .abort(id, envelopes: 2),
      .submit(message, envelopes: EnvelopeTally(count: 1, sum: .max), edge: 9),
      .reconcile([OwedSubmit(id, of: SessionID(7)), OwedSubmit(id, of: SessionID(.max))]),
    ] { try Self.check(sent) }
    for sent: QueueToFrontend in [
      .block(first: id, count: 9), .admission(nil), .admission(reply), .credit(id, 5),
      .stored(id), .refused(id, reply), .listening(1),
    ] { try Self.check(sent) }
    for sent: LookupToQueue in [
      .envelopes([envelope]), .routing(token: 1, [envelope]), .routed(token: 1, [envelope]),
      .unroutable(token: 1, reply),
    ] { try Self.check(sent) }
    for sent: QueueToDelivery in [
      .deliver(task: 1, message, [envelope], body: [1]), .bodyEnd(task: 1),
      .deliver(task: 1, message, [envelope], body: nil), .body(task: 1, [1]),
      .bodyFailed(task: 1, reason: "x"), .recorded([1, 2]),
    ] { try Self.check(sent) }
    var report = EnvelopeReport(
      envelope: envelope.id,
      report: DeliveryReport(.temporary, status: EnhancedStatus(.temporary, 4, 1), text: "t")
    )
    report.report.peer = "mx1.example.com"
    for sent: DeliveryToQueue in [
      .inHand(task: 1, [envelope.id]), .reconcile, .credit(task: 1, 2), .cancelBody(task: 1),
      .report(task: 1, [report]), .release(key: 1, count: 3), .release(key: 1, count: nil),
      .destinationRests(task: 1, milliseconds: 2),
    ] { try Self.check(sent) }
    let question = SignatureQuestion(
      key: [UInt8](repeating: 7, count: 32),
      algorithm: 4,
      input: [UInt8](repeating: 9, count: 32)
    )
    for sent in [ToKeys.sign(token: 1, question), .shows(generation: 9)] { try Self.check(sent) }
    for sent: FromKeys in [
      .signed(token: 1, [1, 2]), .refused(token: 2),
      .ticketKeys([[UInt8](repeating: 3, count: 80), [4]]),
    ] { try Self.check(sent) }
    try Self.check(QueueToLookup.route(token: 1, message, recipient: Self.address))
    try Self.check(LookupToFrontend.accepted(token: 1, taken: 2, edge: 3, envelopes: [envelope.id]))
    try Self.check(LookupToFrontend.refused(token: 1, reply))
    for sent: LookupToAccounts in [
      .user(token: 1, name: "u"), .userAndForward(token: 1, name: "u"),
      .forward(token: 1, uid: 2, gid: 3, home: "/h"), .list(token: 1, path: "/l"),
    ] { try Self.check(sent) }
    for file: ForwardFile in [
      ForwardFile.none, .content([1, 2]), .insecure, .held, .tooLarge, .failed,
    ] {
      try Self.check(AccountsToLookup.found(token: 1, uid: 2, gid: 3, home: "/", file))
      try Self.check(AccountsToLookup.forward(token: 1, file))
    }
    for sent: AccountsToLookup in [
      .absent(token: 1), .failed(token: 2), .list(token: 3, [1, 2], isOfAdministrator: true),
      .listRefused(token: 4),
    ] { try Self.check(sent) }
  }

  @Test("so does each between the supervisor and roles that is about tables and users")
  func tablesAndUsers() throws {
    for sent: SupervisorToRole in [
      .tableChanged(index: 3), .table(index: 1, token: 2),
      .tableFailed(index: 1, token: 2, reason: "r"),
      .resolveUser(token: 1, action: "a", user: "u"),
      .confirmNode(token: 1, action: "a", method: .command("c", .alias)),
    ] { try Self.check(sent) }
    for sent: RoleToSupervisor in [
      .openTable(index: 1, token: 2), .tableTaken(index: 1, token: 2), .tableRefused(token: 2),
      .confirmed(token: 1), .refuted(token: 2, reason: "r"),
    ] { try Self.check(sent) }
  }

  @Test("so does what lookup is asked about a recipient")
  func recipients() throws {
    let recipient = RecipientQuestion(
      token: 1,
      message: try Self.message(),
      reverseLookup: .failed,
      index: 2,
      room: 3,
      taken: 4,
      recipient: Self.address,
      notify: [],
      originalRecipient: "rfc822;u"
    )
    try Self.check(FrontendToLookup.recipient(recipient))
  }

  @Test("envelopes that have room as so many of usual length have it in the queue's memory")
  func usualEnvelopes() {
    let most = EdgeLimits.usualEnvelope * EdgeLimits.envelopesOfMessage
    #expect(most <= Intake.Limits().envelopeMemory)
    #expect(most + EdgeLimits.envelopesOfMessage > Intake.Limits().envelopeMemory)
  }

  @Test("so do those about who somebody is, and they show no password")
  func credentials() throws {
    let password = Secret(Array("hunter2".utf8))
    for source: SourceAddress in [.local, .inet4(7), .inet6(8, 9)] {
      var question = AuthenticationQuestion(
        token: 1,
        listener: 2,
        source: source,
        user: "joe",
        password: password
      )
      try Self.check(FrontendToLookup.authenticate(question))
      question.role = .another
      try Self.check(FrontendToLookup.authenticate(question))
      #expect(!"\(question)".contains("hunter2"))
    }
    for sender in [nil, Self.address] {
      let question = SenderQuestion(token: 1, listener: 2, user: "joe", sender: sender)
      try Self.check(FrontendToLookup.sender(question))
    }
    for verdict: AuthenticationQuestion.Verdict in [.accepted, .denied, .failed, .barred] {
      try Self.check(LookupToFrontend.authentication(token: 1, verdict))
      try Self.check(AccountsToLookup.authentication(token: 1, verdict))
    }
    for verdict: SenderQuestion.Verdict in [.granted, .denied, .failed] {
      try Self.check(LookupToFrontend.sender(token: 1, verdict))
    }
    for source: SourceAddress in [.local, .inet4(7), .inet6(1, 2)] {
      try Self.check(
        LookupToAccounts.authenticate(token: 1, name: "joe", source: source, password)
      )
    }
    try Self.check(DeliveryToLookup.login(token: 1, action: "out", label: "l"))
    for sent: LookupToDelivery in [
      .login(token: 1, user: "joe", password), .absent(token: 1), .failed(token: 1),
    ] { try Self.check(sent) }
  }

  @Test("a password of the longest length travels, and one byte more does not")
  func longPassword() throws {
    let limit = AuthenticationQuestion.Limits.password
    for (length, fits) in [(limit, true), (limit + 1, false)] {
      let question = AuthenticationQuestion(
        token: 1,
        listener: 0,
        source: .local,
        user: "joe",
        password: Secret([UInt8](repeating: 7, count: length))
      )
      var reader = ByteReader(Self.encoded(FrontendToLookup.authenticate(question)))
      let again = try? FrontendToLookup(decoding: &reader)
      #expect((again == nil) != fits, "\(length)")
    }
  }

  @Test("messages of the supervisor survive, too")
  func supervision() throws {
    for sent: RoleToSupervisor in [
      .ready, .impossible("x"), .endCommand(task: 1), .fed(task: 2), .verbosity(1),
      .resolved(token: 1, uid: 2, gid: 3, home: "/"), .unresolved(token: 1, reason: "r"),
      .edgeBroken(peer: .queue), .confirmed(token: 1), .refuted(token: 2, reason: "r"),
      .connect(task: 3, action: "a"), .keysChecked(KeysReport(generation: 1, .refused)),
      .keysChecked(
        KeysReport(
          generation: 1,
          .taken,
          broken: [0, 8191],
          faults: [.init("pki a", "f"), .init("ca b", "g", in: ["/b"])]
        )
      ),
      .updateCertificates(token: 1, name: "n"), .verify(token: 1), .resumed(5),
    ] { try Self.check(sent) }
    for sent: SupervisorToRole in [
      .edge(peer: .queue, generation: 1), .listeners(first: 2), .commandStarted(task: 1),
      .commandFailed(task: 1, reason: "r"), .commandEnded(task: 1, status: -1, unread: 7),
      .stop(milliseconds: 5), .verbosity(1), .paused(7), .resolve(token: 1, user: "u"),
      .resolveUser(token: 1, action: "a", user: "u"), .connected(task: 7),
      .confirmNode(token: 1, action: "a", method: .command("c", .alias)),
      .certificates, .certificatesOfOne(place: 4095, token: .max), .keyFiles,
      .certificatesUnreadable(token: 1, reason: "r"), .verifier(token: 1),
      .verifierRefused(token: 2, reason: "r"),
    ] { try Self.check(sent) }
  }

  @Test("what delivery asks to run survives, whatever method it names")
  func commandRequests() throws {
    let methods: [LocalDelivery.Method] = [
      .action, .command("c", .alias), .command("c d", .forward), .file("/f", .alias),
      .file("/g", .forward),
    ]
    for method in methods {
      let request = CommandRequest(
        task: 1,
        action: "a",
        user: "u",
        subaddress: nil,
        method: method,
        sender: nil,
        recipient: Self.address,
        destination: Self.address,
        size: 5
      )
      try Self.check(RoleToSupervisor.startCommand(request))
      #expect(request.isFromTable == [methods[1], methods[3]].contains(method))
    }
  }

  @Test("lengths and counts beyond their limits are refused before anything is allocated")
  func hostileLengths() {
    let huge: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]
    for kind: UInt8 in [2, 5] {
      var reader = ByteReader([kind] + huge + huge)
      #expect(throws: DecodingError.self) { try FrontendToQueue(decoding: &reader) }
    }
    var list = ByteReader([1] + huge)
    #expect(throws: DecodingError.self) { try LookupToQueue(decoding: &list) }
    var reports = ByteReader([4] + [UInt8](repeating: 0, count: 8) + huge)
    #expect(throws: DecodingError.self) { try DeliveryToQueue(decoding: &reports) }
  }

  @Test("certificates survive the way, and no cut-off package is taken")
  func certificates() throws {
    var sent = CertificatePackage(generation: 7)
    sent.chains = [
      .init(name: "a", content: [1, 2], exchange: .offered, users: [.listeners, .relays]),
      .init(name: "*", content: [], users: .relays),
    ]
    sent.anchors = [.init(name: "b", content: [3])]
    sent.systemAnchors = [4, 5]
    let bytes = sent.encoded()
    #expect(try CertificatePackage(decoding: bytes) == sent)
    for length in 0..<bytes.count {
      #expect(throws: DecodingError.self) {
        try CertificatePackage(decoding: Array(bytes[..<length]))
      }
    }
  }

  @Test("what is broken of a package is taken from the one before it, whatever places keys names")
  func keeping() {
    func package(_ generation: UInt32) -> CertificatePackage {
      var result = CertificatePackage(generation: generation)
      let content = [UInt8(generation)]
      result.chains = ["a", "b"].map { .init(name: $0, content: content) }
      result.anchors = ["c", "d"].map { .init(name: $0, content: content) }
      result.systemAnchors = content
      return result
    }
    let contents: [([UInt16], [UInt8])] = [
      ([], [2, 2, 2, 2]), ([1], [2, 1, 2, 2]), ([2, 0], [1, 2, 1, 2]), ([3, 3], [2, 2, 2, 1]),
      ([4, 0xffff], [2, 2, 2, 2]),
    ]
    for (places, wanted) in contents {
      let kept = package(2).keeping(places, of: package(1))
      #expect((kept.chains + kept.anchors).flatMap(\.content) == wanted, "\(places)")
      #expect(kept.generation == 2 && kept.systemAnchors == [2])
    }
  }

  @Test("a key signs for the role that shows its certificate, and for no other")
  func users() {
    let permitted: [CertificatePackage.Users: [Role]] = [
      []: [], .listeners: [.frontend], .relays: [.delivery],
      [.listeners, .relays]: [.frontend, .delivery],
    ]
    for (users, roles) in permitted {
      for role in Role.allCases { #expect(users.permits(role) == roles.contains(role)) }
    }
    var unknown = CertificatePackage(generation: 1)
    unknown.chains = [.init(name: "a", content: [], users: .init(rawValue: 4))]
    #expect(throws: DecodingError.self) { try CertificatePackage(decoding: unknown.encoded()) }
  }

  @Test("texts that are too long are cut where a character ends")
  func clipping() throws {
    let text = "x" + String(repeating: "é", count: EdgeLimits.text)
    let lines = [String](repeating: text, count: EdgeLimits.replyLines + 1)
    var writer = ByteWriter()
    writer.write(Reply(code: 550, status: nil, lines: lines))
    var reader = ByteReader(writer.finish())
    let reply = try reader.readReply()
    #expect(reply.lines.count == EdgeLimits.replyLines)
    #expect(reply.lines[0].utf8.count == EdgeLimits.text - 1)
  }
}
