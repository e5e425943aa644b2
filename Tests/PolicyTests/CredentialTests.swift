// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

@Suite("Credentials in tables")
struct CredentialTests {
  private let rules = """
    pki x cert "/c"
    pki x key "/k"
    table users file:/map
    table own file:/map
    table secrets file:/map
    listen on lo tls pki x auth <users> senders <own>
    action out relay host "smtps://label@x" auth <secrets>
    action plain relay
    match from any for any action out
    """

  private func ruleset(_ contents: [String: String]) throws -> (Ruleset, [String: TableIndex]) {
    let projection = try Rules.projection(rules)
    var ruleset = Ruleset(projection)
    var places: [String: TableIndex] = [:]
    for name in ["users", "own", "secrets"] {
      let place = TableIndex(try #require(projection.tables.firstIndex { $0.name == name }))
      places[name] = place
      guard let text = contents[name] else { continue }
      try ruleset.replace(place, with: .contents(try TableContents(parsing: Array(text.utf8))))
    }
    return (ruleset, places)
  }

  @Test(
    "a hash is found in every form of a line",
    arguments: [
      "joe $6$salt$hash", "joe: $6$salt$hash", "joe:$6$salt$hash:1000:1000:Joe:/home/joe:/bin/sh",
      "joe joe:$6$salt$hash", "JOE joe:$6$salt$hash", "joe someone:$6$salt$hash",
      "joe:{SHA512-CRYPT}$6$salt$hash::::::", "joe $6$salt$hash:::",
    ]
  )
  func forms(line: String) throws {
    let (ruleset, places) = try ruleset(["users": "other x\n\(line)\n"])
    let users = try #require(places["users"])
    for user in ["joe", "JOE"] {
      #expect(ruleset.password(of: user, in: users) == .hash("$6$salt$hash"))
    }
    #expect(ruleset.password(of: "jo", in: users) == .absent)
    #expect(ruleset.somePassword(in: users) == "$6$salt$hash")
  }

  @Test("an old hash has no sign of its own, and a column of nothing is none")
  func old() throws {
    let (ruleset, places) = try ruleset([
      "users": "a abhfCpXqd4GrI\nb b:abhfCpXqd4GrI\nc c::x\nd {PLAIN}\n"
    ])
    let users = try #require(places["users"])
    #expect(ruleset.password(of: "a", in: users) == .hash("abhfCpXqd4GrI"))
    #expect(ruleset.password(of: "b", in: users) == .hash("abhfCpXqd4GrI"))
    #expect(ruleset.password(of: "c", in: users) == .absent)
    #expect(ruleset.password(of: "d", in: users) == .absent)
    #expect(ruleset.somePassword(in: users) == nil)
  }

  @Test("a table that cannot be asked is a failure, and no denial")
  func unavailable() throws {
    let (ruleset, places) = try ruleset([:])
    #expect(ruleset.password(of: "joe", in: try #require(places["users"])) == .failed)
    #expect(ruleset.login(for: "label", ofAction: "out") == .failed)
    let own = try #require(places["own"])
    #expect(ruleset.permission(of: "joe", toSendFrom: nil, by: own) == .unknown)
  }

  @Test("who we are at a host stands in the table of the action that asks, and in no other")
  func logins() throws {
    let (ruleset, _) = try ruleset(["secrets": "label joe:pass:word\nempty joe:\nnone joe\n"])
    for label in ["label", "LABEL"] {
      #expect(
        ruleset.login(for: label, ofAction: "out")
          == .found(user: "joe", Secret(Array("pass:word".utf8)))
      )
    }
    for label in ["empty", "none", "other"] {
      #expect(ruleset.login(for: label, ofAction: "out") == .absent)
    }
    for action in ["plain", "nothing"] {
      #expect(ruleset.login(for: "label", ofAction: action) == .failed)
    }
  }

  @Test(
    "a user sends from what the table lists for him",
    arguments: [
      ("joe", "joe@example.org", true), ("JOE", "Joe+tag@Example.ORG", true),
      ("joe", "joe@other.example", false), ("joe", "ann@example.org", false),
      ("joe", "any@joe.example", true), ("joe", "any@sub.joe.example", false),
      ("joe", "list@anywhere.example", true), ("joe", nil, false),
      ("all", "any@anywhere.example", true), ("all", nil, true),
      ("ann", "joe@example.org", false), ("stranger", "joe@example.org", false),
    ] as [(String, String?, Bool)]
  )
  func senders(user: String, sender: String?, isGranted: Bool) throws {
    let text = """
      joe joe@example.org , @joe.example,list,,
      all @
      ann ann@example.org
      """
    let (ruleset, places) = try ruleset(["own": text])
    let own = try #require(places["own"])
    let address = try sender.map { try Address(parsing: $0) }
    #expect(
      ruleset.permission(of: user, toSendFrom: address, by: own) == (isGranted ? .granted : .denied)
    )
  }
}
