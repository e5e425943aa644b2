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
      #expect(diagnostic.complaint == .unsupported("\"\(feature.rawValue)\""))
      #expect(diagnostic.description.contains("\"\(feature.rawValue)\" is not supported yet"))
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

  @Test("a URL that wants TLS uses it", arguments: ["smtps://x", "smtp+tls://x"])
  func url(_ url: String) {
    let report = report("action a relay host \"\(url)\"")
    #expect(report.unserved(without: [.relayTLS]).map(\.line) == [1])
  }
}
