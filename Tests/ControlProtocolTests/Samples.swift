// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue

/// Values that the tests of this module share.
enum Samples {
  static func envelopeID(_ raw: UInt64) -> EnvelopeID {
    guard let id = EnvelopeID(raw) else { preconditionFailure("not an identifier: \(raw)") }
    return id
  }

  static func selection(_ words: String...) -> Selection {
    guard let selection = Selection(words) else { preconditionFailure("not a selection") }
    return selection
  }

  /// A row in which every optional field has a value.
  static func fullRow(_ raw: UInt64 = 0x0123_4567_89ab_cdef) -> EnvelopeRow {
    var row = plainRow(raw)
    row.message.session.user = "ann"
    row.message.session.tag = "submission"
    row.message.session.transport = .tls
    row.message.session.source = .inet6(0x2001_0db8_0000_0000, 1)
    row.message.content = [.eightBit, .requireTLS]
    row.message.returnContent = .headers
    row.message.envelopeIdentifier = "QQ314159"
    row.message.priority = -3
    row.envelope.kind = .bounce(.delayed(after: .seconds(14_400), timeToLive: .seconds(345_600)))
    row.envelope.destination = Address(local: "bob", domain: "mx.example.net")
    row.envelope.origin = .expansion
    row.envelope.timeToLive = .seconds(600)
    row.envelope.notify = [.success, .delay]
    row.envelope.originalRecipient = "rfc822;bob@example.net"
    row.envelope.holdUntil = Instant(seconds: 1_700_000_500)
    row.envelope.deliverBy = DeliverBy(deadline: Instant(seconds: 1_700_000_900), mode: .return)
    row.envelope.progress.tries = 7
    row.envelope.progress.lastTry = Instant(milliseconds: 1_700_000_100_250)
    row.envelope.progress.lastNotice = Instant(milliseconds: -5)
    row.envelope.progress.lastError = "421 später"
    row.envelope.progress.lastStatus = EnhancedStatus(.temporary, 4, 999)
    row.envelope.progress.suspension = .quarantine
    row.envelope.progress.crashes = 2
    row.place.state = .held
    row.place.nextTry = Instant(seconds: 1_700_000_400)
    row.place.inflightSince = Instant(seconds: 1_700_000_300)
    row.place.inflightTask = .max
    return row
  }

  /// A row in which no optional field has a value.
  static func plainRow(_ raw: UInt64 = 0x0123_4567_0000_0001) -> EnvelopeRow {
    let id = envelopeID(raw)
    let bob = Address(local: "bob", domain: "example.net")
    return EnvelopeRow(
      message: Message(
        id: id.message,
        sender: raw % 2 == 0 ? nil : Address(local: "ann", domain: "example.org"),
        created: Instant(milliseconds: 1_700_000_000_123),
        size: 4096,
        session: SessionFacts(
          id: SessionID(0xfeed_0000_0000_beef),
          source: .inet4(0x7f00_0001),
          serverName: "mx.example.org",
          helo: "client",
          hostname: "<unknown>"
        )
      ),
      envelope: Envelope(
        id: id,
        kind: .local(LocalDelivery(user: "bob", subaddress: "lists")),
        action: "local",
        recipient: bob,
        destination: bob,
        created: Instant(milliseconds: 1_700_000_000_123)
      ),
      place: EnvelopePlace(
        state: .pending,
        nextTry: nil,
        expiry: Instant(seconds: 1_700_345_600)
      )
    )
  }

  static let requests: [ControlRequest] = {
    let id = envelopeID(0x0123_4567_89ab_cdef)
    let some = selection("sender=ann@example.org", "age>1d")
    let address = Address(local: "a", domain: "b.example")
    var question = ExplanationQuestion(sender: nil, recipient: address, source: .local)
    let plain = ControlRequest.explain(question)
    question.sender = address
    question.source = .inet6(1, 2)
    question.helo = "h"
    question.hostName = .given("n")
    question.user = "u"
    question.tag = "t"
    question.transport = .tls
    return [
      plain, .explain(question), .updateTable(name: "t"),
      .showQueue(.all), .showQueue(some), .showEnvelope(id), .showMessage(.message(id.message)),
      .showMessage(.envelope(id)), .showStats, .showStatus, .showRelays, .schedule(some, .execute),
      .remove(.all, .dryRun), .pauseEnvelopes(Selection(id), .execute),
      .resumeEnvelopes(Selection(id.message), .dryRun),
      .reassign(some, action: "relay", .execute), .discover(.message(id.message)),
      .pause(.mda), .pause(.mta), .pause(.smtp), .resume(.smtp), .logLevel(.brief),
      .logLevel(.verbose), .updateCertificates(name: "mail.example.org"), .verifyQueue,
      .quarantineList, .quarantineShow(name: "a-1"),
      .quarantineRestore(name: "a-1"), .more, .cancel,
    ]
  }()

  private static let explanation: ExplanationPage = {
    var node = ExplanationNode(parent: 0, name: "a")
    node.rules = [.init(line: 1, lacks: "for"), .init(line: 2, lacks: nil)]
    node.notes = ["x", ""]
    return ExplanationPage(
      verdict: "accepted",
      nodes: [ExplanationNode(parent: nil, name: ""), node]
    )
  }()

  private static let unused = RelayRow.Use(connections: 0)

  private static let relay: RelayRow = {
    let use = RelayRow.Use(connections: 3, last: 0, timeout: 90)
    var row = RelayRow(name: "[relay:a]", references: 5, tasks: 2, use: use)
    row.waits = Set(RelayRow.Wait.allCases)
    row.connectors = [
      RelayRow.Connector(source: "[]", use: unused),
      RelayRow.Connector(source: "192.0.2.1", use: use),
    ]
    row.connectors[1].flags = Set(RelayRow.Flag.allCases)
    return row
  }()

  static let responses: [ControlResponse] = [
    .explained(explanation), .explained(ExplanationPage(verdict: "", nodes: [])),
    .envelopes([]), .envelopes([fullRow(), plainRow(0x89ab_cdef_0000_0003)]), .bytes([]),
    .bytes([0, 255, 10]),
    .verified(
      messages: 3,
      envelopes: 4,
      findings: [VerifyFinding(record: "envelope 01", problem: "checksum")]
    ),
    .quarantine([
      QuarantinedRecord(name: "a-1", reason: "cut off", size: 12, when: Instant(seconds: 9))
    ]),
    .relays([]), .relays([relay, RelayRow(name: "", references: 0, tasks: 0, use: unused)]),
    .done, .count(0), .count(1_000_000), .removal(3, inFlight: 2),
    .statistics([]),
    .statistics([Statistic("uptime", 90), Statistic("queue.bounce", -1)]),
    .status(SubsystemStatus()), .status(SubsystemStatus(paused: [.mda, .smtp])),
    .failure(""), .failure("already paused"),
  ]
}
