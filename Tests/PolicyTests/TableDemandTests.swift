// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

/// What a table may say later is what it may say at the start, whatever asks it.
@Suite struct TableDemandTests {
  private static let keys = """
    pki x cert "/c"
    pki x key "/k"

    """

  /// What reading the configuration says of a file, and what taking it for an update does.
  private func verdicts(_ text: String, _ file: String) throws -> (start: Bool, update: String) {
    func report(_ file: String) -> ConfigurationReport {
      ConfigurationReport(
        reading: "t.conf",
        facts: HostFacts(hostName: "mx.example.org"),
        values: ValueJudge(fault: TableValue.fault)
      ) { path throws(UnreadableFile) in
        Array((path == "t.conf" ? Self.keys + text : file).utf8)
      }
    }
    // A file that is empty serves as either, and one of hosts is never asked for.
    let good = text.contains("relay host <t>") ? "# @list\nsmtp://h\n" : ""
    let usual = text.contains("auth <p>") ? "# @list\nsmtps://l@h\n" : good
    let known = report(usual)
    let message = known.errors.map(\.description).joined(separator: "\n")
    let projection = LookupProjection(try #require(known.configuration, "\(message)"))
    let table = TableIndex(try #require(projection.tables.firstIndex { $0.name == "t" }))
    let contents = try TableContents(parsing: Array(file.utf8))
    var ruleset = Ruleset(projection)
    do throws(Ruleset.RefusedEntry) {
      try ruleset.replace(table, with: .contents(contents))
      return (report(file).errors.isEmpty, "")
    } catch {
      return (report(file).errors.isEmpty, "\(error)")
    }
  }

  /// Uses of a table that want a list, but for their values.
  private static let lists = [
    "match from src <t> for any reject", "match from rdns <t> for any reject",
    "match from any for domain <t> reject", "match from any helo <t> for any reject",
    "match from any mail-from <t> for any reject", "match from any rcpt-to <t> for any reject",
    "match from any auth <t> for any reject", "match from any tag <t> for any reject",
    "match from any mail-from regex <t> for any reject",
    "match from any for domain regex <t> reject",
  ]

  private static let maps = [
    "action a maildir alias <t>", "action a maildir virtual <t>", "action a maildir userbase <t>",
    "action a relay host \"smtps://l@h\" auth <t>", "listen on 127.0.0.1 tls pki x auth <t>",
    "listen on 127.0.0.1 tls pki x auth { \"a\" = \"b\" } senders <t>",
  ]

  @Test(
    "what is asked as a list has no values, and what is asked for values has some",
    arguments: [lists, maps]
  )
  func kinds(_ uses: [String]) throws {
    let areLists = uses == Self.lists
    for use in uses {
      let text = "table t file:/t\n\(use)\nmatch from any for any reject"
      let value = use.contains("userbase") ? "1:1:/x" : "x"
      for (file, isList) in [("10.0.0.1\n", true), ("10.0.0.1 \(value)\n", false)] {
        let (start, update) = try verdicts(text, file)
        #expect(start == (isList == areLists), "\(use): \(file)")
        #expect(start == update.isEmpty, "\(use): \(update)")
        if !start {
          #expect(update.contains(areLists ? "as a list" : "asked for values"), "\(use)")
        }
      }
      let (start, update) = try verdicts(text, "# nothing\n")
      #expect(start && update.isEmpty, "\(use): \(update)")
    }
  }

  @Test(
    "entries and values are looked at as at the start",
    arguments: [
      ("action a relay host <t>", "# @list\nsmtp://h\n", ""),
      (
        "action a relay host <t>", "# @list\nsmtp://h\nnonsense://h\n",
        "\"nonsense://h\", which is no URL"
      ),
      (
        "action a relay host <t>", "# @list\nsmtps://l@h\n",
        "\"smtps://l@h\", whose label needs auth"
      ),
      ("action a relay host <t>", "# @list\n", "has no host"),
      ("action a relay host <t>", "h x\n", "as a list"),
      (
        "table p { l = \"u:p\" }\naction a relay host <t> auth <p>",
        "# @list\nsmtps://l@h\nsmtp://h\n", ""
      ),
      (
        "table p { l = \"u:p\" }\naction a relay host <t> auth <p>", "# @list\nsmtp://h\n",
        "no URL with a label"
      ),
      ("action a relay domain <t>", "x.example smtp://h\n", ""),
      ("action a relay domain <t>", "x.example smtp://\n", "\"smtp://\", which is no URL"),
      ("action a relay domain <t>", "x! smtp://h\n", "\"x!\", which is no host name"),
      ("action a relay domain <t>", "x.example smtps://l@h\n", "whose label needs auth"),
      ("action a relay domain <t>", "x.example\n", "asked for values"),
      ("action a relay src <t>", "192.0.2.1\n", ""),
      ("action a relay src <t>", "192.0.2.1 x\n", ""),
      ("action a relay src <t>", "192.0.2.0/24\n", "\"192.0.2.0/24\", which is no address"),
      ("action a relay src <t>", "h.example\n", "\"h.example\", which is no address"),
      ("action a relay helo-src <t>", "192.0.2.1 h.example\n", ""),
      ("action a relay helo-src <t>", "192.0.2.1 h!\n", "\"h!\", which is no host name"),
      ("action a relay helo-src <t>", "h h.example\n", "\"h\", which is no address"),
      ("action a relay helo-src <t>", "192.0.2.1\n", "asked for values"),
      ("listen on 127.0.0.1 hostnames <t>", "[ipv6:::1] h.example\n", ""),
      ("listen on 127.0.0.1 hostnames <t>", "192.0.2.1 h!\n", "\"h!\", which is no host name"),
      ("listen on 127.0.0.1 hostnames <t>", "192.0.2.0/24 h\n", "which is no address"),
      ("match from src <t> for any reject", "10.0.0.0/40\n", "no network"),
      ("action a maildir userbase <t>", "joe: 1000:1000:/home/joe\n", ""),
      ("action a maildir userbase <t>", "joe: abc\n", "\"abc\" is no uid:gid:home"),
      ("action a maildir userbase <t>", "joe: 1000:1000:home\n", "is no uid:gid:home"),
      ("action a maildir alias <t>", "joe: ann, \"|x %{sender}\", error:550 no, /a b\n", ""),
      ("action a maildir alias <t>", "joe: ,\n", ""),
      ("action a maildir alias <t>", "joe: |\n", "\"|\" is no address"),
      (
        "action a maildir virtual <t>", "@: a b c\n",
        "\"@\" with a value of no use: \"a b c\" is no"
      ),
      ("action a maildir alias <t>", "joe: \"|%{sender}\"\n", "sender would choose the program"),
      ("action a maildir alias <t>", "joe: |x %{nobody}\n", "unknown token \"nobody\""),
      (
        "match from any mail-from regex <t> for any reject", "# @list\n(x\n",
        "no regular expression"
      ),
    ]
  )
  func entries(_ use: String, _ file: String, _ reason: String) throws {
    let (start, update) = try verdicts(
      "table t file:/t\n\(use)\nmatch from any for any reject",
      file
    )
    #expect(start == reason.isEmpty, "\(use): \(file)")
    #expect(
      start == update.isEmpty && (start || update.contains(reason)),
      "\(use): \(file): \(update)"
    )
  }

  @Test("what could not serve at the start cannot be asked")
  func start() throws {
    let text = "table t file:/map\naction in maildir alias <t>\nmatch from any for any action in"
    let projection = try Rules.projection(text)
    let table = TableIndex(try #require(projection.tables.firstIndex { $0.name == "t" }))
    let ruleset = Ruleset(projection, files: [table: .contents(.list(["a"]))])
    #expect(ruleset.refusedEntries.map(\.use) == [.needsValues])
    #expect(throws: UnavailableTable.self) { try ruleset.value(of: "a", in: table) }
  }
}
