// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Configuration

@Suite struct AcceptedTests {
  @Test("an empty set of directives has the documented defaults")
  func defaults() throws {
    let configuration = try #require(Reading.accepted(""))
    #expect(configuration.serverName == "mx.example.org")
    #expect(configuration.timeToLive == .seconds(345_600))
    #expect(configuration.warnIntervals == [.seconds(14_400)])
    #expect(configuration.reception == ReceptionLimits())
    #expect(configuration.relayLimits == RelayLimits())
    #expect(configuration.backend == .filesystem)
    #expect(configuration.resolver == .system)
    #expect(configuration.listeners.isEmpty)
    #expect(configuration.rules.count == 1)
  }

  @Test("a whole file of an OpenSMTPD operator")
  func wholeFile() throws {
    let report = Reading.report(
      """
      # example
      lan = "192.0.2.0/24"
      table froms file:/etc/senders
      listen on lo
      listen on "eth0" port submission
      action "local" maildir
      action "outbound" relay
      match from local for local action "local"
      match from src $lan for any action "outbound"
      match from any mail-from <froms> for domain { "example.org", \\
        "*.example.org" } action "local"
      match for any reject
      """,
      files: ["/etc/senders": "joe@example.org\n"]
    )
    #expect(report.diagnostics.map(\.description) == [])
    let configuration = try #require(report.configuration)
    #expect(
      configuration.listeners.map { "\($0.target) \($0.port)" }
        == ["127.0.0.1 25", "::1 25", "192.0.2.1 587"]
    )
    #expect(configuration.rules.map(\.line) == [8, 9, 10, 12])
    #expect(configuration.rules.map(\.outcome) == [.action(0), .action(1), .action(0), .reject])
  }

  @Test(
    "listen on: targets",
    arguments: [
      ("127.0.0.1", ["127.0.0.1 25"]), ("::1 port smtps", ["::1 465"]), ("lo inet6", ["::1 25"]),
      ("localhost port 2525", ["127.0.0.1 2525"]), ("mail.EXAMPLE.org", ["192.0.2.7 25"]),
      ("other.example.org", ["other.example.org 25"]), ("egress", ["192.0.2.1 25"]),
      ("0.0.0.0 port ten", ["0.0.0.0 10"]), ("\"[::]\" port 65535", [":: 65535"]),
    ]
  )
  func listeners(_ text: String, _ expected: [String]) throws {
    let configuration = try #require(Reading.accepted("listen on \(text)"))
    #expect(configuration.listeners.map { "\($0.target) \($0.port)" } == expected)
  }

  @Test(
    "listen on: a name has a listener for each address of the family that the system gives it",
    arguments: [
      ("n.example port 26", ["192.0.2.1 26", "2001:db8::1 26"]),
      ("n.example inet4", ["192.0.2.1 25"]), ("n.example inet6", ["2001:db8::1 25"]),
      ("localhost", ["127.0.0.1 25"]), ("lo inet6", ["::1 25"]),
    ]
  )
  func resolved(_ text: String, _ expected: [String]) throws {
    let report = Reading.resolved("listen on \(text)") { name, _ in
      #expect(name == "n.example")
      return ["192.0.2.1", "2001:db8::1", "fe80::1"].compactMap { IPAddress(parsing: $0) }
    }
    let configuration = try #require(report.configuration)
    #expect(configuration.listeners.map { "\($0.target) \($0.port)" } == expected)
    #expect(FrontendProjection(configuration).listeners.count == expected.count)
  }

  @Test("listen on: a name without an address is an error of its line", arguments: ["", " inet6"])
  func unresolved(_ family: String) {
    let report = Reading.resolved("\nlisten on nonsuch\(family)") {
      _,
      asked throws(UnresolvedName) in
      #expect(asked == (family.isEmpty ? .any : .inet6))
      throw UnresolvedName(reason: "Name or service not known")
    }
    #expect(
      report.errors.map(\.description) == [
        """
        t.conf:2: "nonsuch" has no address: Name or service not known
            listen on nonsuch\(family)
                      ^~~~~~~
            expected an interface, an address or the name of a host
        """
      ]
    )
  }

  @Test("listen on: all is no name, and what to write is said")
  func groups() throws {
    let report = Reading.resolved("listen on all") { _, _ throws(UnresolvedName) in
      throw UnresolvedName(reason: "Name or service not known")
    }
    let error = try #require(report.errors.first)
    #expect(error.description.hasSuffix("those of all interfaces are 0.0.0.0 and ::"))
  }

  @Test("listen on: an address and a port that an earlier line has are an error")
  func listensTwice() {
    let text = """
      listen on 127.0.0.1 port 2621
      listen on 127.0.0.1 port 2622
      listen on here port 2621
      listen on here port 2623
      """
    let report = Reading.resolved(text) { _, _ throws(UnresolvedName) in
      [IPAddress.inet4(0x7f00_0001), .inet4(0x7f00_0002), .inet4(0x7f00_0001)]
    }
    #expect(
      report.errors.map(\.description) == [
        """
        t.conf:3: 127.0.0.1 port 2621 is listened on already, by line 1
            listen on here port 2621
                      ^~~~
        """
      ]
    )
  }

  @Test("listen on: all addresses of a family leave none of its ports to one of them")
  func listensOnAll() {
    let text = """
      listen on 127.0.0.2 port 2621
      listen on 0.0.0.0 port 2621
      listen on :: port 2621
      listen on 0.0.0.0 port 2622
      listen on :: port 2622
      listen on ::1 port 2622
      match from any for any reject
      """
    let errors = Reading.report(text).errors.map { $0.description.prefix { $0 != "\n" } }
    #expect(
      errors == [
        "t.conf:2: 0.0.0.0 port 2621 is listened on already, by 127.0.0.2 of line 1",
        "t.conf:6: ::1 port 2622 is listened on already, by :: of line 5",
      ]
    )
  }

  @Test(
    "task-lowat and task-hiwat are compared when all is read; a low mark that nobody stated gives way",
    arguments: [
      ("mda limit task-hiwat 20\nmda limit task-lowat 10", [10, 30, 0]),
      ("mda limit task-lowat 60\nmda limit task-hiwat 70", [60, 30, 0]),
      ("mda limit task-hiwat 20", [20, 30, 0]), ("mta limit task-hiwat 7", [30, 7, 0]),
      ("mta limit for domain d task-hiwat 7", [30, 30, 7]),
      ("mta limit task-hiwat 9\nmta limit for domain d inet4", [30, 9, 9]),
      ("mta limit task-hiwat 9\nmta limit for domain d task-hiwat 40", [30, 9, 30]),
      (
        "mta limit for domain d task-hiwat 9\nmta limit for domain d task-lowat 8\nmta limit task-lowat 20",
        [30, 20, 8]
      ),
    ]
  )
  func taskMarks(_ text: String, _ expected: [Int]) throws {
    let configuration = try #require(Reading.accepted(text))
    let domain = configuration.relayLimitsByDomain["d"]?.tasksLow ?? 0
    #expect(
      [configuration.localLimits.tasksLow, configuration.relayLimits.tasksLow, domain] == expected
    )
    try expectRoundTrip(of: configuration) { Reading.report($0) }
  }

  @Test("a table that another user may read is no mistake here")
  func forbiddenTable() {
    let text = "table t file:/t\nmatch from src <t> for any reject\n"
    for isForbidden in [true, false] {
      let report = ConfigurationReport(reading: "t.conf", facts: Reading.facts) {
        path throws(UnreadableFile) in
        if path == "t.conf" { return Array(text.utf8) }
        throw UnreadableFile(reason: "Permission denied", isForbidden: isForbidden)
      }
      #expect((report.configuration != nil) == isForbidden)
    }
  }

  @Test(
    "snippets of every directive are accepted",
    arguments: [
      "queue backend sqlite", "queue backend fs", "queue backend ram", "queue ttl 1h",
      "bounce warn-interval 1h, 6h, 2d", "bounce warn-interval 1s,1s,1s,1s,1s",
      "smtp limit max-mails 10", "smtp limit max-rcpt 1 max-mails 2 max-errors 3 max-sessions 4",
      "smtp limit max-client-sessions 3",
      "smtp limit timeout 10s", "smtp max-message-size 1024", "smtp max-message-size \"1G\"",
      "smtp sub-addr-delim -", "smtp sub-addr-delim \"=\"", "smtp sub-addr-delim '#'",
      "mta max-deferred 10", "mta limit inet4", "mta limit max-conn-per-host 1 conn-delay-relay 0",
      "mta limit for domain example.org inet6 session-keepalive 5",
      "mda limit max-session 1 task-lowat 0", "scheduler limit max-inflight 10 max-schedule 1",
      "auth shadow", "auth pam", "auth pam \"smtpd-2\"", "auth pam mail", "auth pam \"/etc/x/y.z\"",
      "resolver system", "resolver recursive", "resolver 1.1.1.1 \"::1@5353\"",
      "table t { }", "table t { a }", "table t {\n a\n b,\n\n c,\n}",
      "table t { a = b, c => \"d\" }",
      "table \"t\" { \"*.x\" }", "action a mda \"x\" ttl 1h user joe", "action a maildir junk",
      "action a relay ttl 1h", "action a relay host \"smtp://[::1]:2525\"",
      "action a relay backup ttl 1d", "action a relay src { \"::1\", 127.0.0.1 }",
      "action a relay mail-from \"a@b\"", "action a relay mail-from a",
      "listen on socket mask-src no-dsn tag x", "match !from any reject",
      "match from rdns reject", "match !from rdns \"*.x\" reject", "match auth reject",
      "match auth joe tls reject", "match from auth reject",
      "match from mail-from a for any reject",
      "match for rcpt-to \"@x\" reject", "match helo <localnames> reject",
      "resolver = \"x\"", "backend = x\nsmtp sub-addr-delim $backend",
    ]
  )
  func snippets(_ text: String) {
    #expect(Reading.complaints(text) == "")
  }

  @Test("limits for a domain begin as what is said before them")
  func domainLimits() throws {
    let configuration = try #require(
      Reading.accepted(
        "mta limit task-hiwat 77\nmta limit for domain D.example inet4\nmta limit task-hiwat 78"
      )
    )
    #expect(configuration.relayLimitsByDomain["d.example"]?.tasksHigh == 77)
    #expect(configuration.relayLimitsByDomain["d.example"]?.family == .inet4)
    #expect(configuration.relayLimits.tasksHigh == 78)
    #expect(configuration.relayLimits.family == .any)
  }

  @Test("a macro of the command line wins over the file's")
  func commandLineMacro() throws {
    let text = "p = \"25\"\nlisten on 127.0.0.1 port $p"
    #expect(try #require(Reading.accepted(text)).listeners.first?.port == 25)
    #expect(try #require(Reading.accepted(text, macros: ["p=26"])).listeners.first?.port == 26)
  }

  @Test("unused macros of the file are warned about, and are no errors")
  func unusedMacros() {
    let report = Reading.report("a = x\nb = y\nmatch tag $b reject", macros: ["c=z"])
    #expect(report.configuration != nil)
    #expect(report.warnings.map(\.complaint) == [.unusedMacro("a")])
  }

  @Test("a table named like one that is always there is taken, with a warning that is always shown")
  func hiding() {
    let report = Reading.report(
      "table localnames { a.example }\ntable mine { b.example }\nmatch for domain <localnames> reject"
    )
    #expect(report.configuration?.tables.last?.name == "mine")
    #expect(
      report.disappointments.map(\.description) == [
        """
        t.conf:1: warning: table "localnames" takes the name of one that is always there
            table localnames { a.example }
                  ^~~~~~~~~~
            below, <localnames> is this table; what asks the other one without its name, such as local, goes on to
        """
      ]
    )
  }

  @Test("a limit of what there is none of is taken, with a warning that is always shown")
  func limitsWithoutEffect() {
    let report = Reading.report(
      "a = x\nscheduler limit max-inflight 9 max-schedule 8 max-msg-batch-size 7\nmatch reject"
    )
    #expect(report.configuration?.schedulingLimits.scheduleMax == 8)
    #expect(
      report.disappointments.map(\.complaint) == [
        .withoutEffect("max-schedule"), .withoutEffect("max-msg-batch-size"),
      ]
    )
    #expect(
      report.disappointments.first?.description == """
        t.conf:2: warning: max-schedule has no effect
            scheduler limit max-inflight 9 max-schedule 8 max-msg-batch-size 7
                                           ^~~~~~~~~~~~
            what is under way is bounded by max-inflight
        """
    )
    #expect(report.warnings.count == 3)
  }

  @Test("included files see and leave macros, tables and actions")
  func includes() throws {
    let configuration = try #require(
      Reading.accepted(
        "a = x\ninclude \"one\"\nlisten on 127.0.0.1 port $p",
        files: ["one": "include \"two\"\ntable t { $a }", "two": "p = \"7\" # no line end"]
      )
    )
    #expect(configuration.listeners.first?.port == 7)
    #expect(configuration.tables.last?.content == .list(["x"]))
  }

  @Test("relay hosts, sources and names come in the order of their keys, once each")
  func sortedEntries() throws {
    let configuration = try #require(
      Reading.accepted(
        "table h { \"smtp://c\", \"smtp://a\", \"smtp://A\" }\n"
          + "action a relay host <h> src { \"192.0.2.9\", \"192.0.2.10\" }"
      )
    )
    guard case .relay(let relay)? = configuration.actions.first?.method else {
      Issue.record("no relay")
      return
    }
    #expect(relay.hosts.map(\.description) == ["smtp://a:25", "smtp://c:25"])
    #expect(relay.sources.map(\.description) == ["192.0.2.10", "192.0.2.9"])
  }

  @Test("a rewritten sender")
  func senderRewrite() {
    let sender = Address(local: "a", domain: "b")
    #expect(DeliveryAction.SenderRewrite.local("x").rewriting(sender).description == "x@b")
    #expect(DeliveryAction.SenderRewrite.domain("y").rewriting(sender).description == "a@y")
  }
}
