// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue
import Testing

@testable import smtpctl

@Suite("Commands against a daemon")
struct CommandOutputTests {
  @Test(
    "Counts in the words of each verb",
    arguments: [
      (
        "schedule", "schedule", [0, 1, 2], ["0 envelope", "1 envelope", "2 envelopes"], "scheduled"
      ),
      ("remove", "remove", [0, 1, 2], ["0 envelope", "1 envelope", "2 envelopes"], "removed"),
      (
        "pause envelope", "pause envelope", [0, 1, 2], ["0 envelope", "1 envelope", "2 envelopes"],
        "paused"
      ),
      (
        "resume envelope", "resume envelope", [0, 1, 2],
        ["0 envelope", "1 envelope", "2 envelopes"], "resumed"
      ),
      (
        "discover", "discover", [0, 1, 2], ["0 envelopes", "1 envelope", "2 envelopes"],
        "discovered"
      ),
    ]
  )
  func counts(
    _ verb: String,
    _ command: String,
    _ counts: [Int],
    _ texts: [String],
    _ participle: String
  ) {
    for (count, text) in zip(counts, texts) {
      let daemon = FakeDaemon()
      daemon.answer = { _ in
        verb.hasPrefix("rem") ? [.removal(count, inFlight: 0)] : [.count(count)]
      }
      #expect(
        Run(daemon: daemon)("\(verb) 000000aa") == Run.Result(output: "\(text) \(participle)\n")
      )
    }
  }

  @Test("What is in flight is told apart when it is removed", arguments: [(1, "1"), (2, "2")])
  func inFlight(_ count: Int, _ digits: String) {
    let daemon = FakeDaemon()
    daemon.answer = { _ in [.removal(3, inFlight: count)] }
    let noun = count == 1 ? "envelope" : "envelopes"
    let end = count == 1 ? "when its attempt ends" : "when their attempts end"
    for (mode, first, verb) in [
      (ControlRequest.Mode.execute, "removed", "will"), (.dryRun, "would be removed", "would"),
    ] {
      #expect(
        Run(daemon: daemon, mode: mode)("remove all")
          == Run.Result(
            output: """
              3 envelopes \(first)
              \(digits) \(noun) in flight \(verb) be removed \(end)

              """
          )
      )
    }
    #expect(
      Run(daemon: daemon, style: .json)("remove all").output
        == "{\"command\":\"remove\",\"envelopes\":3,\"in_flight\":\(count),\"dry_run\":false}\n"
    )
  }

  @Test("A dry run says so and asks for one")
  func dryRun() {
    let daemon = FakeDaemon()
    daemon.answer = { _ in [.removal(2, inFlight: 0)] }
    #expect(
      Run(daemon: daemon, mode: .dryRun)("rem sender=ann@example.org age>1d").output
        == "2 envelopes would be removed\n"
    )
    #expect(
      daemon.requests == [
        .remove(Selection(["sender=ann@example.org", "age>1d"]) ?? .all, .dryRun)
      ]
    )
    #expect(
      Run(daemon: daemon, style: .json, mode: .dryRun)("rem all").output
        == "{\"command\":\"remove\",\"envelopes\":2,\"in_flight\":0,\"dry_run\":true}\n"
    )
  }

  @Test(
    "Commands without an answer succeed or fail in these words",
    arguments: [
      ("pause mda", ControlRequest.pause(.mda)), ("pause mta", .pause(.mta)),
      ("resume smtp", .resume(.smtp)), ("log verbose", .logLevel(.verbose)),
      ("update pki a", .updateCertificates(name: "a")),
    ]
  )
  func plain(_ line: String, _ request: ControlRequest) {
    let daemon = FakeDaemon()
    #expect(Run(daemon: daemon)(line) == Run.Result(output: "command succeeded\n"))
    #expect(daemon.requests == [request])
    daemon.answer = { _ in [.failure("already paused")] }
    #expect(
      Run(daemon: daemon)(line)
        == Run.Result(output: "command failed: already paused\n", status: .failure)
    )
    daemon.answer = { _ in [.failure("")] }
    #expect(Run(daemon: daemon)(line) == Run.Result(output: "command failed\n", status: .failure))
  }

  @Test("show queue streams pages and is silent when the queue is empty")
  func showQueue() {
    let daemon = FakeDaemon()
    daemon.pieceSize = 7
    let first = Rows.row()
    let second = Rows.row(0x0000_00ab_0000_0001)
    daemon.answer = { _ in [.envelopes([first]), .envelopes([]), .envelopes([second]), .done] }
    #expect(
      Run(daemon: daemon)("show queue").output
        == QueueLineTests.line(first) + QueueLineTests.line(second)
    )
    daemon.answer = { _ in [.done] }
    #expect(Run(daemon: daemon)("show queue") == Run.Result())
  }

  @Test("show status has three lines")
  func showStatus() {
    let daemon = FakeDaemon()
    daemon.answer = { _ in [.status(SubsystemStatus(paused: [.mta]))] }
    #expect(
      Run(daemon: daemon)("show status").output == "MDA running\nMTA paused\nSMTP running\n"
    )
    #expect(
      Run(daemon: daemon, style: .json)("show status").output
        == "{\"mda\":\"running\",\"mta\":\"paused\",\"smtp\":\"running\"}\n"
    )
  }

  @Test("show stats is sorted, and tells the uptime twice")
  func showStats() {
    let daemon = FakeDaemon()
    daemon.answer = { _ in
      [.statistics([Statistic("uptime", 93_784), Statistic("queue.bounce", 2)])]
    }
    #expect(
      Run(daemon: daemon)("show stats").output
        == "queue.bounce=2\nuptime=93784\nuptime.human=1d2h3m4s\n"
    )
    #expect(
      Run(daemon: daemon, style: .json)("show stats").output
        == "{\"queue.bounce\":2,\"uptime\":93784}\n"
    )
  }

  @Test("show stats shows what there is, and names who did not answer")
  func silentRoles() {
    let daemon = FakeDaemon()
    daemon.answer = { _ in
      [.statistics([.silent("lookup"), Statistic("queue.bounce", 2), .silent("delivery")])]
    }
    let result = Run(daemon: daemon)("show stats")
    #expect(
      result.output == "control.silent.delivery=1\ncontrol.silent.lookup=1\nqueue.bounce=2\n"
    )
    #expect(
      result.errors == """
        smtpctl: delivery did not answer: what it counts is missing
        smtpctl: lookup did not answer: what it counts is missing

        """
    )
    #expect(result.status == .success)
  }

  @Test("show relays has a line for each relay, and one for each of its connectors")
  func showRelays() {
    let daemon = FakeDaemon()
    var one = RelayRow(
      name: "[relay:example.org,smtp,heloname=h]",
      references: 4,
      tasks: 3,
      use: .init(connections: 1, last: 93_784, timeout: 0)
    )
    one.waits = [.hold, .limits, .exchangers]
    var connector = RelayRow.Connector(source: "192.0.2.1", use: .init(connections: 1, last: 7))
    connector.flags = [.limitDomain, .wait]
    one.connectors = [connector, .init(source: "[]", use: .init(connections: 0))]
    let other = RelayRow(
      name: "[relay:evil\u{1b}[2J]",
      references: 0,
      tasks: 0,
      use: .init(connections: 0)
    )
    daemon.answer = { request in
      request == .showRelays ? [.relays([one]), .relays([other]), .done] : []
    }
    #expect(
      Run(daemon: daemon)("show relays").output == """
        [relay:example.org,smtp,heloname=h] refcount=4 ntask=3 nconn=1 lastconn=1d2h3m4s timeout=0s wait=MX,limitsONHOLD
          connector 192.0.2.1 refcount=1 nconn=1 lastconn=7s timeout=- flags=WAIT,LIMIT_DOMAIN
          connector [] refcount=0 nconn=0 lastconn=- timeout=- flags=
        [relay:evil\\^[[2J] refcount=0 ntask=0 nconn=0 lastconn=- timeout=- wait=

        """
    )
    let json = Run(daemon: daemon, style: .json)("show relays").output
    #expect(
      json.split(separator: "\n").first == """
        {"relay":"[relay:example.org,smtp,heloname=h]","tasks":3,"connections":1,"last_connection":93784,"timeout":0,"wait":["MX","limits","ONHOLD"],"connectors":["192.0.2.1 refcount=1 nconn=1 lastconn=7s timeout=- flags=WAIT,LIMIT_DOMAIN","[] refcount=0 nconn=0 lastconn=- timeout=- flags="]}
        """
    )
  }

  @Test("show message passes bytes through as they are")
  func showMessage() {
    let daemon = FakeDaemon()
    daemon.answer = { _ in [.bytes(Array("Subject: x\n".utf8)), .bytes([0x0a]), .done] }
    #expect(Run(daemon: daemon)("show message 000000aa").output == "Subject: x\n\n")
  }

  @Test("show envelope has the fields of the queue file in their order")
  func showEnvelope() {
    let daemon = FakeDaemon()
    let row = Rows.changed { row in
      row.envelope.kind = .local(
        LocalDelivery(user: "bob", subaddress: "x", method: .command("|cat", .alias))
      )
      row.message.session.source = .inet6(0x2001_0db8_0000_0000, 1)
      row.message.session.user = "ann"
      row.envelope.progress.lastStatus = EnhancedStatus(.temporary, 4, 1)
      row.envelope.progress.lastError = "later"
      row.message.returnContent = .headers
      row.envelope.notify = [.failure]
    }
    daemon.answer = { _ in [.envelopes([row]), .done] }
    #expect(
      Run(daemon: daemon)("show envelope 000000aa000000bb").output == """
        version: 3
        dispatcher: outbound
        type: mda
        smtpname: mx.example.org
        helo: localhost
        hostname: localhost
        username: ann
        errorline: later
        sockaddr: [2001:db8::1]
        sender: ann@example.org
        rcpt: bob@example.net
        dest: bob@example.net
        ctime: 1700000000
        last-try: 0
        last-bounce: 0
        ttl: 345600
        retry: 0
        flags: authenticated
        dsn-notify: 2
        dsn-ret: HDRS
        esc-class: 4
        esc-code: 41
        mda-exec: |cat
        mda-subaddress: x
        mda-user: bob
        x-session: 0000000000000042
        x-size: 512

        """
    )
  }

  @Test("show envelope tells since when one is in flight, and the task that has it")
  func showFlight() throws {
    let daemon = FakeDaemon()
    let row = Rows.changed { row in
      row.place.state = .inflight
      row.place.inflightSince = Instant(seconds: 1_700_000_300)
      row.place.inflightTask = 1_782_579_200_000_000_001
    }
    daemon.answer = { _ in [.envelopes([row]), .done] }
    let plain = Run(daemon: daemon)("show envelope 000000aa000000bb").output
    #expect(
      plain.hasSuffix("x-inflight-since: 1700000300\nx-inflight-task: 1782579200000000001\n")
    )
    let json = Run(daemon: daemon, style: .json)("show envelope 000000aa000000bb").output
    let wanted = "\"inflight_since\":1700000300,\"inflight_task\":\"1782579200000000001\""
    #expect(json.contains(wanted))
    daemon.answer = { _ in [.envelopes([Rows.row()]), .done] }
    #expect(!Run(daemon: daemon)("show envelope 000000aa000000bb").output.contains("inflight"))
    let other = Run(daemon: daemon, style: .json)("show envelope 000000aa000000bb").output
    #expect(other.contains("\"inflight_since\":null,\"inflight_task\":null"))
  }

  @Test("queue verify tells what it found, and fails when that is something")
  func verify() {
    let daemon = FakeDaemon()
    daemon.answer = { _ in
      [
        .verified(messages: 2, envelopes: 3, findings: []),
        .verified(
          messages: 1,
          envelopes: 1,
          findings: [VerifyFinding(record: "body 000000aa", problem: "checksum")]
        ), .done,
      ]
    }
    #expect(
      Run(daemon: daemon)("queue verify")
        == Run.Result(
          output: "body 000000aa: checksum\n"
            + "3 messages and 4 envelopes checked, problems: 1\n",
          status: .failure
        )
    )
  }

  @Test("queue quarantine list has a line a record")
  func quarantine() {
    let daemon = FakeDaemon()
    let record = QuarantinedRecord(
      name: "e-1",
      reason: "cut\noff",
      size: 12,
      when: Instant(seconds: 7)
    )
    daemon.answer = { _ in [.quarantine([record]), .done] }
    #expect(Run(daemon: daemon)("q q l").output == "e-1|7|12|cut\\^Joff\n")
    #expect(
      Run(daemon: daemon, style: .json)("q q l").output
        == "{\"name\":\"e-1\",\"since\":7,\"size\":12,\"reason\":\"cut\\noff\"}\n"
    )
  }

  @Test("monitor has a heading every 25 lines, and shows what changed")
  func monitor() {
    let daemon = FakeDaemon()
    var delivered: Int64 = 0
    daemon.answer = { _ in
      delivered += 5
      return [
        .statistics([
          Statistic("scheduler.delivery.ok", delivered), Statistic("scheduler.envelope", 12_345),
          Statistic("smtp.session", 2), Statistic("smtp.session.inet4", delivered),
        ])
      ]
    }
    let lines = Run(daemon: daemon, samples: 26)("monitor").output
      .split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 2 + 25 + 1 + 2 + 1 + 1)
    #expect(
      Array(lines[..<4]) == [
        "--- client ---  -- envelope --  ------- delivery --------  ------ other -------",
        "curr conn disc  curr  enq  deq    ok tmpfail prmfail loop  expire remove bounce",
        "   2    5    3  12345    0    0     5       0       0    0       0      0      0",
        "   2    5    5  12345    0    0     5       0       0    0       0      0      0",
      ]
    )
    #expect(lines[27].isEmpty)
    #expect(lines[28] == lines[0])
  }
}
