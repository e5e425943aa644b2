// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Delivery

@Suite("What the end of a command means")
struct CommandResultTests {
  @Test("every exit code is a delivery, a temporary or a permanent failure")
  func exitCodes() {
    for code in UInt8.min...UInt8.max {
      let outcome = CommandResult.outcome(.exited(code: code), .whole, lastLine: "")
      switch (code, outcome) {
      case (0, .delivered), (71, .temporary), (75, .temporary): break
      case (1..., .permanent) where code != 71 && code != 75: break
      default: Issue.record("code \(code): \(outcome)")
      }
    }
  }

  @Test(
    "codes of sysexits.h have a description",
    arguments: [
      (UInt8(64), "command line usage error"), (65, "data format error"), (67, "user unknown"),
      (69, "service unavailable"), (75, "temporary failure"), (77, "permission denied"),
      (1, "exited with code 1"), (127, "command not found"),
    ]
  )
  func descriptions(_ code: UInt8, _ text: String) {
    switch CommandResult.outcome(.exited(code: code), .whole, lastLine: "") {
    case .temporary(_, let found), .permanent(_, let found): #expect(found == text)
    default: Issue.record("not a failure")
    }
  }

  @Test("the last line of output is the reason")
  func lastLine() {
    #expect(
      CommandResult.outcome(.exited(code: 67), .partial, lastLine: "no such mailbox")
        == .permanent(EnhancedStatus(.permanent, 1, 1), "no such mailbox")
    )
  }

  @Test("success without reading the message is none")
  func premature() {
    #expect(
      CommandResult.outcome(.exited(code: 0), .partial, lastLine: "")
        == .temporary(EnhancedStatus(.temporary, 3, 0), "mda exited prematurely")
    )
  }

  @Test("signals, time and refusals are temporary")
  func temporary() {
    for exit in [CommandExit.signalled(9), .timedOut, .refused("user is root\n")] {
      guard case .temporary(_, let text) = CommandResult.outcome(exit, .whole, lastLine: "") else {
        Issue.record("\(exit)")
        continue
      }
      #expect(!text.contains("\n"))
    }
  }

  @Test("output is kept to its last line, bounded and printable")
  func output() {
    var output = CommandOutput()
    output.append("first\nsecond \u{1b}[31mline\n\n  \n".utf8)
    #expect(output.lastLine == "second ?[31mline")
    output.append("unfinished".utf8)
    #expect(output.lastLine == "unfinished")
    var endless = CommandOutput()
    for _ in 0..<1000 { endless.append(repeatElement(UInt8(ascii: "x"), count: 1000)) }
    #expect(endless.lastLine.utf8.count == DeliveryText.bytesMax)
  }
}

@Suite("The head of a local delivery, and loops")
struct DeliveryHeadTests {
  private let ann = Address(local: "ann", domain: "example.org")
  private let bob = Address(local: "bob", domain: "example.org")

  @Test("a null sender has no Return-Path")
  func head() {
    #expect(
      String(decoding: DeliveryHead.bytes(sender: ann, destination: bob), as: UTF8.self)
        == "Return-Path: <ann@example.org>\nDelivered-To: bob@example.org\n"
    )
    #expect(
      String(decoding: DeliveryHead.bytes(sender: nil, destination: bob), as: UTF8.self)
        == "Delivered-To: bob@example.org\n"
    )
  }

  @Test("an address cannot forge a header line")
  func forging() {
    let evil = Address(local: "a\nX-Evil: yes", domain: "example.org")
    let head = String(decoding: DeliveryHead.bytes(sender: evil, destination: evil), as: UTF8.self)
    #expect(head.split(separator: "\n").count == 2)
  }

  @Test(
    "a Delivered-To of the same address in the header section is a loop",
    arguments: [
      ("Delivered-To: bob@example.org\n\nx", DeliveredToScan.Verdict.loop),
      ("Subject: x\r\ndelivered-to:\t<BOB@Example.ORG> \r\n\r\n", .loop),
      ("Delivered-To: bob@example.org.evil\n\n", .clear),
      ("Delivered-To: abob@example.org\n\n", .clear),
      ("X-Delivered-To: bob@example.org\n\n", .clear),
      ("Subject: x\n\nDelivered-To: bob@example.org\n", .clear),
      ("Delivered-To: bob@example.org", .loop), ("", .clear),
    ]
  )
  func loops(_ message: String, _ expected: DeliveredToScan.Verdict) {
    for size in [1, 7, 4096] {
      var scan = DeliveredToScan(bob)
      var rest = Array(message.utf8)[...]
      while !rest.isEmpty {
        scan.read(rest.prefix(size))
        rest = rest.dropFirst(size)
      }
      scan.ended()
      #expect(scan.verdict == expected, "in chunks of \(size)")
    }
  }

  @Test("a header section without an end is given up on at its limit")
  func limit() {
    var scan = DeliveredToScan(bob)
    scan.read(repeatElement(UInt8(ascii: "x"), count: DeliveredToScan.Limits.header - 1))
    #expect(scan.verdict == .undecided)
    scan.read([UInt8(ascii: "x")])
    #expect(scan.verdict == .clear)
  }
}
