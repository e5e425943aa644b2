// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

/// What holds without being said.
@Suite struct DefaultTests {
  @Test("settings")
  func settings() throws {
    let configuration = try #require(Reading.accepted(""))
    #expect(configuration.reception.mailsMax == 100)
    #expect(configuration.reception.recipientsMax == 1000)
    #expect(configuration.reception.messageSizeMax == 36_700_160)
    #expect(configuration.subaddressDelimiter == UInt8(ascii: "+"))
    #expect(configuration.timeToLive == .seconds(345_600))
    #expect(configuration.warnIntervals == [.seconds(14_400)])
    #expect(configuration.deferredMax == 100)
    #expect(configuration.ciphers == nil)
    #expect(configuration.administrativeDomain == nil)
    #expect(configuration.compression == .none)
    #expect(configuration.encryption == .none)
    #expect(configuration.srs.days == 4)
    #expect(configuration.srs.key == nil)
  }

  @Test("limits of local delivery and of the scheduler")
  func limits() throws {
    let configuration = try #require(Reading.accepted(""))
    let local = LocalLimits.Key.allCases.map { configuration.localLimits[keyPath: $0.path] }
    #expect(local == [50, 7, 30, 50, 10])
    let scheduling = SchedulingLimits.Key.allCases.map {
      configuration.schedulingLimits[keyPath: $0.path]
    }
    #expect(scheduling == [5000, 256, 1024, 10])
  }

  @Test(
    "limits of relaying",
    arguments: [
      "max-conn-per-host": 10, "max-conn-per-route": 5, "max-conn-per-source": 100,
      "max-conn-per-connector": 20, "max-conn-per-relay": 100, "max-conn-per-domain": 100,
      "conn-delay-host": 0, "conn-delay-route": 5, "conn-delay-source": 0,
      "conn-delay-connector": 0, "conn-delay-relay": 2, "conn-delay-domain": 0,
      "reconn-delay-route": 3, "session-mail-max": 100, "session-transaction-delay": 0,
      "session-keepalive": 10, "max-failures-per-session": 25, "task-hiwat": 50,
      "task-lowat": 30, "task-release": 10,
    ]
  )
  func relaying(_ word: String, _ expected: Int) throws {
    let key = try #require(RelayLimits.Key(rawValue: word))
    #expect(try #require(Reading.accepted("")).relayLimits[key] == expected)
    let other = "mta limit \(word) \(expected + 1) task-hiwat 51"
    if key != .tasksHigh {
      #expect(try #require(Reading.accepted(other)).relayLimits[key] == expected + 1)
    }
  }

  @Test("listeners")
  func listeners() throws {
    let configuration = try #require(
      Reading.accepted(
        """
        pki a cert "/c"
        pki a key "/k"
        listen on 127.0.0.1
        listen on 127.0.0.1 smtps pki a
        listen on 127.0.0.1 smtps verify pki a port 1465
        """
      )
    )
    #expect(configuration.listeners.map(\.port) == [25, 465, 1465])
    #expect(configuration.listeners.first?.options == Listener.Options())
    let securities = configuration.listeners.map(\.options.security)
    #expect(securities.map(\.encryption) == [.none, .immediate, .immediate])
    #expect(securities.map(\.clientCertificate) == [.unasked, .unasked, .demanded])
    #expect(configuration.socketOptions == Listener.Options())
    #expect(configuration.pkis == [PKI(name: "a", certificate: "/c", key: "/k", exchange: .none)])
  }

  @Test("actions")
  func actions() throws {
    let configuration = try #require(
      Reading.accepted("action a maildir\naction b relay\naction c lmtp \"/s\"\naction d mbox")
    )
    #expect(
      configuration.actions.map(\.method) == [
        .local(DeliveryAction.Local(agent: .maildir(path: nil, junk: .inPlace))),
        .relay(DeliveryAction.Relay()),
        .local(
          DeliveryAction.Local(
            agent: .lmtp(DeliveryAction.LMTP(destination: .socket("/s"), recipient: .user))
          )
        ),
        .local(DeliveryAction.Local(agent: .mbox)),
      ]
    )
    #expect(configuration.actions.allSatisfy { $0.timeToLive == nil })
  }

  @Test("what is said of one pki adds up, in any order and case, and the last word counts")
  func certificates() throws {
    let configuration = try #require(
      Reading.accepted(
        """
        listen on 127.0.0.1 tls pki A.example pki "*"
        pki a.example key "/k"
        pki "*" cert "/c"
        pki A.EXAMPLE dhe auto
        pki "*" key "/k"
        pki a.example cert "/old"
        pki a.example cert "/c"
        ca "*" cert "/ca"
        """
      )
    )
    #expect(
      configuration.pkis == [
        PKI(name: "a.example", certificate: "/c", key: "/k", exchange: .auto),
        PKI(name: "*", certificate: "/c", key: "/k"),
      ]
    )
    #expect(configuration.listeners.first?.options.security.certificates == ["a.example", "*"])
    #expect(configuration.authorities == [CertificateAuthority(name: "*", certificate: "/ca")])
  }

  @Test("a table whose entries may change stays a table for the relay, and so does that of domains")
  func changingTables() throws {
    let configuration = try #require(
      Reading.accepted(
        """
        table d db:/d
        table h { "smtp://a" }
        table f "/f"
        action one relay host <d> src <d> helo-src <d>
        action two relay host <h>
        action three relay domain <d>
        action four relay domain { "X.Example" = "smtp://a" }
        action five relay host <f> src { "192.0.2.1" } helo-src { "192.0.2.1" = "a.example" }
        """,
        files: ["/f": "# @list\nsmtp://a\n"]
      )
    )
    let relays = configuration.actions.compactMap { action -> DeliveryAction.Relay? in
      guard case .relay(let relay) = action.method else { return nil }
      return relay
    }
    func index(_ name: String) -> TableIndex {
      TableIndex(configuration.tables.firstIndex { $0.name == name } ?? -1)
    }
    let table = index("d")
    #expect(relays.map(\.tables.hosts) == [table, nil, nil, nil, index("f")])
    #expect(relays.map(\.tables.sources) == [table, nil, nil, nil, nil])
    #expect(relays.map(\.tables.heloNames) == [table, nil, nil, nil, nil])
    #expect(relays[2].tables.domains == table)
    #expect(relays[3].tables.domains != nil)
    #expect(relays.map(\.namesHosts) == [true, true, false, false, true])
    #expect(relays.map(\.hosts.count) == [0, 1, 0, 0, 0])
  }
}
