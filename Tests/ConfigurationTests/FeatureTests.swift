// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

@Suite struct FeatureTests {
  /// A configuration that uses each feature.
  private static let uses: [Feature: String] = [
    .pki: "pki x cert \"/c\"\npki x key \"/k\"",
    .authority: "ca x cert \"/c\"",
    .defaultCiphers: "smtp ciphers \"HIGH\"",
    .listenerTLS: "pki x cert \"/c\"\npki x key \"/k\"\nlisten on lo smtps pki x",
    .listenerAuthentication: "pki x cert \"/c\"\npki x key \"/k\"\nlisten on lo tls pki x auth",
    .receivedAuthentication: "listen on lo received-auth",
    .senders: "listen on lo senders { \"a\" = \"b\" }",
    .mbox: "action a mbox",
    .lmtp: "action a lmtp \"/run/lmtp\"",
    .forwardOnly: "action a forward-only",
    .expandOnly: "action a expand-only",
    .alias: "action a maildir alias { \"a\" = \"b\" }",
    .virtual: "action a maildir virtual { \"a\" = \"b\" }",
    .userBase: "action a maildir userbase { \"a\" = \"1:1:/\" }",
    .wrapper: "mda wrapper w \"%{mda}\"\naction a maildir wrapper w",
    .relayTLS: "action a relay tls",
    .relayAuthentication:
      "action a relay host \"smtps://l@x\" auth { \"l\" = \"u:p\" }",
    .database: "table t db:/t",
    .systemAccounts: "table t getpwnam:",
    .tableHelper: "table t proc:/t",
    .filter: "filter f phase connect match fcrdns junk",
    .srs: "srs key \"x\"",
    .compression: "queue compression",
    .encryption: "queue encryption",
  ]

  private func report(_ text: String) -> ConfigurationReport {
    Reading.report(text + "\nmatch for any reject\n")
  }

  @Test(
    "what has no engine is understood, and named when it is to run",
    arguments: Feature.allCases
  )
  func named(_ feature: Feature) throws {
    let report = report(try #require(FeatureTests.uses[feature]))
    #expect(report.errors.map(\.description) == [])
    #expect(report.configuration != nil)
    let unserved = report.unserved(without: [feature])
    #expect(!unserved.isEmpty)
    for diagnostic in unserved {
      let name = feature == .srs ? "srs key" : feature.rawValue
      #expect(diagnostic.complaint == .unsupported("\"\(name)\""))
      #expect(diagnostic.description.contains("\"\(name)\" is not supported yet"))
    }
    #expect(report.unserved(without: []).isEmpty)
  }

  @Test("a configuration without them can run")
  func unused() {
    let report = report(
      "listen on lo tag x\naction a maildir junk user joe\naction b relay host smtp+notls://x"
    )
    #expect(report.unserved(without: Set(Feature.allCases)).isEmpty)
  }

  @Test("one line names a feature once, every line anew")
  func places() {
    let report = report("queue compression\nqueue compression\naction a relay tls ciphers \"x\"")
    let unserved = report.unserved(without: [.compression, .relayTLS])
    #expect(unserved.map(\.line) == [1, 2, 3])
  }

  @Test(
    "a server that is to start names each directive that it cannot serve, where it is used first"
  )
  func directives() {
    let report = report(
      """
      srs key "a"
      srs key backup "b"
      srs ttl 7d
      filter f phase connect match fcrdns junk
      filter g phase connect match fcrdns junk
      proc p "/p"
      queue compression
      listen on lo filter f
      action "b" relay backup srs filter g ttl 10d
      action "c" relay srs
      """
    )
    #expect(
      report.unservedDirectives().map { "\($0.line): \($0.complaint.text)" } == [
        "1: \"srs key\" is not supported yet",
        "3: \"srs ttl\" is not supported yet",
        "4: \"filter\" is not supported yet",
        "6: \"proc\" is not supported yet",
        "7: \"queue compression\" is not supported yet",
        "8: \"listen on filter\" is not supported yet",
        "9: \"action relay srs\" is not supported yet",
        "9: \"action relay filter\" is not supported yet",
      ]
    )
    // smtpd -n shows every place.
    #expect(report.unserved().map(\.line) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10])
  }

  @Test("a URL that wants TLS uses it", arguments: ["smtps://x", "smtp+tls://x"])
  func url(_ url: String) {
    let report = report("action a relay host \"\(url)\"")
    #expect(report.unserved(without: [.relayTLS]).map(\.line) == [1])
  }
}
