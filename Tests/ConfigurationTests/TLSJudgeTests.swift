// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

@Suite struct TLSJudgeTests {
  @Test("what TLS cannot use is told at its place, all of it, beside every other mistake")
  func faults() {
    let report = Reading.judged(
      #"""
      smtp ciphers "c1"
      pki x cert "/x.crt"
      pki x key "/x.key"
      pki y cert "/y.crt"
      pki y key "/y.key"
      ca a cert "/a.crt"
      listen on lo tls pki x ciphers "c2" protocols "p1"
      action r relay tls protocols "p2" ciphers "c3"
      queue ttl 4
      """#,
      by: TLSJudge(
        setting: { setting in
          switch setting {
          case .ciphers(let text, let side): "\(text) of a \(side)"
          case .protocols(let text): "\(text)!"
          }
        },
        files: { pkis, authorities, _ in
          pkis.flatMap { pki in
            [
              TLSJudge.FileFault(.certificate(pki.name), reason: "\(pki.certificate)?"),
              TLSJudge.FileFault(.key(pki.name), reason: "\(pki.key)?"),
            ]
          } + authorities.map { .init(.authority($0.name), reason: "\($0.certificate)?") }
        }
      )
    )
    let expected = #"""
      t.conf:1: ciphers: c1 of a server
          smtp ciphers "c1"
                       ^~~~
      t.conf:2: pki x: /x.crt?
          pki x cert "/x.crt"
                     ^~~~~~~~
      t.conf:3: pki x: /x.key?
          pki x key "/x.key"
                    ^~~~~~~~
      t.conf:4: pki y: /y.crt?
          pki y cert "/y.crt"
                     ^~~~~~~~
      t.conf:5: pki y: /y.key?
          pki y key "/y.key"
                    ^~~~~~~~
      t.conf:6: ca a: /a.crt?
          ca a cert "/a.crt"
                    ^~~~~~~~
      t.conf:7: ciphers: c2 of a server
          listen on lo tls pki x ciphers "c2" protocols "p1"
                                         ^~~~
      t.conf:7: protocols: p1!
          listen on lo tls pki x ciphers "c2" protocols "p1"
                                                        ^~~~
      t.conf:8: protocols: p2!
          action r relay tls protocols "p2" ciphers "c3"
                                       ^~~~
      t.conf:8: ciphers: c3 of a client
          action r relay tls protocols "p2" ciphers "c3"
                                                    ^~~~
      t.conf:9: "4" is no duration
          queue ttl 4
                    ^
          expected a positive whole number followed by s, m, h or d
      """#
    #expect(report.errors.map(\.description).joined(separator: "\n") == expected)
    #expect(report.configuration == nil)
  }

  @Test("a pki that lacks a half is not looked at; one that nothing is wrong with is taken")
  func good() {
    var asked: [PKI] = []
    let judge = TLSJudge(setting: { _ in nil }) { pkis, _, _ in
      asked += pkis
      return []
    }
    let report = Reading.judged("pki x cert \"/c\"\npki x key \"/k\"\npki y key \"/k\"", by: judge)
    #expect(report.errors.map(\.line) == [3])
    #expect(asked == [PKI(name: "x", certificate: "/c", key: "/k")])
  }

  @Test(
    "who looks at files is told whether all else is good: what is wrong may stand behind them",
    arguments: [
      ("", .good), ("queue ttl 4d", .good), ("queue ttl 4", .faulty),
      ("listen on 127.0.0.1 tls pki z", .faulty),
    ] as [(String, TLSJudge.Rest)]
  )
  func rest(line: String, wanted: TLSJudge.Rest) {
    var told: [TLSJudge.Rest] = []
    let judge = TLSJudge(setting: { _ in nil }) { _, _, rest in
      told.append(rest)
      return []
    }
    let rules = "action a maildir\nmatch from any for any action a\n"
    _ = Reading.judged("pki x cert \"/c\"\npki x key \"/k\"\n\(rules)\(line)", by: judge)
    #expect(told == [wanted])
  }
}
