// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

/// What may stand together, all of it against all of it.
@Suite struct CombinationTests {
  private static let phases = [
    "connect", "helo", "ehlo", "auth", "mail-from", "rcpt-to", "data", "commit",
  ]

  /// Where each condition has a meaning, by smtpd.conf(5).
  private static let conditions: [(text: String, word: String, phases: [String])] = [
    ("fcrdns", "fcrdns", phases), ("rdns", "rdns", phases), (#"rdns "x""#, "rdns", phases),
    (#"src "192.0.2.1""#, "src", phases), (#"helo "x""#, "helo", Array(phases[1...])),
    ("auth", "auth", Array(phases[3...])), (#"auth "x""#, "auth", Array(phases[3...])),
    (#"mail-from "x""#, "mail-from", Array(phases[4...])),
    (#"rcpt-to "x""#, "rcpt-to", ["rcpt-to"]),
  ]

  private static let decisions: [(text: String, word: String, phases: [String])] = [
    (#"reject "550 no""#, "reject", phases), (#"disconnect "421 no""#, "disconnect", phases),
    (#"rewrite "x""#, "rewrite", phases), (#"report "x""#, "report", phases),
    ("junk", "junk", Array(phases[..<7])), ("bypass", "bypass", Array(phases[..<7])),
  ]

  private func errors(_ text: String) -> [String] {
    Reading.report(text + "\nmatch from any for any reject\n").errors.map(\.description)
  }

  @Test("a filter's condition stands where the session knows enough, and nowhere else")
  func filterConditions() {
    for phase in Self.phases {
      for condition in Self.conditions {
        for sign in ["", "! "] {
          let text = "filter f phase \(phase) match \(sign)\(condition.text) report \"x\""
          let found = errors(text)
          if condition.phases.contains(phase) {
            #expect(found.isEmpty, "\(text)")
          } else {
            #expect(found.count == 1, "\(text)")
            #expect(
              found.first?.hasPrefix(
                "t.conf:1: \(condition.word) has no meaning in phase \(phase)\n"
              ) == true,
              "\(text)"
            )
          }
        }
      }
    }
  }

  @Test("so does a filter's decision")
  func filterDecisions() {
    for phase in Self.phases {
      for decision in Self.decisions {
        let text = "filter f phase \(phase) match fcrdns \(decision.text)"
        let found = errors(text)
        if decision.phases.contains(phase) {
          #expect(found.isEmpty, "\(text)")
        } else {
          #expect(found.count == 1, "\(text)")
          #expect(
            found.first?.hasPrefix(
              "t.conf:1: \(decision.word) has no meaning in phase \(phase)\n"
            ) == true,
            "\(text)"
          )
        }
      }
    }
  }

  @Test(
    "options of a listener that say different things of the same refuse each other in both orders"
  )
  func listenerOptions() {
    let groups = [
      ["inet4", "inet6"], ["tls", "tls-require", "smtps"], ["auth", "auth-optional"],
    ]
    for group in groups {
      for (first, second) in group.flatMap({ one in group.map { (one, $0) } }) {
        let more = group.contains("auth") ? " tls pki x" : group.contains("tls") ? " pki x" : ""
        let statement = "listen on lo \(first) \(second)\(more)"
        let found = errors("pki x cert \"/c\"\npki x key \"/k\"\n\(statement)")
        // They are named in the order of the manual.
        let named = group.filter { [first, second].contains($0) }
        let reason =
          named.joined(separator: named.count > 1 ? " cannot be combined with " : "")
          + (named.count == 1 ? " is given twice" : "")
        #expect(found.count == 1, "\(statement)")
        #expect(found.first?.hasPrefix("t.conf:3: \(reason)\n") == true, "\(statement): \(found)")
      }
    }
  }
}
