// SPDX-License-Identifier: ISC

import Submission
import Testing

@Suite("The offline directory's files")
struct OfflineMessageTests {
  @Test(
    "what is written is read",
    arguments: [[], ["-t"], ["-f", "", "a@b.example"], ["-F", "A B", "c"]]
  )
  func roundTrip(_ arguments: [String]) throws {
    let message = OfflineMessage(arguments: arguments, input: Array("To: a\n\n|x\n".utf8))
    #expect(try OfflineMessage(parsing: message.encoded()) == message)
  }

  @Test("what divides arguments cannot be in one", arguments: ["a|b", "a\nb", "a\0b"])
  func dividers(_ argument: String) {
    #expect(throws: OfflineMessage.Fault.argument) {
      try OfflineMessage(arguments: ["-t", argument], input: []).encoded()
    }
  }

  @Test("the first line has an end, and a limit")
  func firstLine() throws {
    #expect(throws: OfflineMessage.Fault.noArguments) {
      try OfflineMessage(parsing: Array("-t".utf8))
    }
    let most = OfflineMessage.Limits.arguments
    let line = [UInt8](repeating: 0x61, count: most)
    #expect(try OfflineMessage(parsing: line + [0x0a]).arguments.count == 1)
    #expect(throws: OfflineMessage.Fault.tooLong) {
      try OfflineMessage(parsing: line + [0x61, 0x0a])
    }
    let argument = String(repeating: "a", count: most)
    #expect(try OfflineMessage(arguments: [argument], input: []).encoded().count == most + 1)
    #expect(throws: OfflineMessage.Fault.tooLong) {
      try OfflineMessage(arguments: [argument + "a"], input: []).encoded()
    }
  }
}

@Suite("A round through the offline directory")
struct OfflineRoundTests {
  private let good = OfflineRound.Facts(
    kind: .regular,
    owner: 7,
    group: 3,
    links: 1,
    mode: 0o600,
    changed: 100
  )

  @Test(
    "names tell what a file is",
    arguments: [
      ("1700000000.AbCdEf1234", OfflineRound.Name.message), ("1.a", .message),
      ("tmp.1700000000.x", .unfinished), ("failed.1.a", .setAside), ("1700000000", .foreign),
      ("x.abc", .foreign), (".abc", .foreign), ("1.", .foreign), ("1.a.b", .foreign),
      ("1.a/b", .foreign), ("1.ä", .foreign), ("1.a\n", .foreign),
      ("1." + String(repeating: "a", count: 62), .message),
      ("1." + String(repeating: "a", count: 63), .foreign),
    ]
  )
  func names(_ name: String, _ wanted: OfflineRound.Name) {
    #expect(OfflineRound.kind(of: name) == wanted)
  }

  @Test("only a regular file with one name, and its owner's alone to write, is taken")
  func facts() {
    let round = OfflineRound()
    #expect(round.verdict(on: good, of: 7, group: 3) == .take)
    #expect(
      round.verdict(on: good, of: 8, group: 3) == .setAside("it has another owner than it had")
    )
    var other = good
    other.kind = .other
    #expect(round.verdict(on: other, of: 7, group: 3) == .setAside("it is no regular file"))
    other = good
    other.links = 2
    #expect(round.verdict(on: other, of: 7, group: 3) == .setAside("it has 2 links"))
    other.links = 0
    #expect(round.verdict(on: other, of: 7, group: 3) == .setAside("it has 0 links"))
    other = good
    other.group = 4
    #expect(
      round.verdict(on: other, of: 7, group: 3)
        == .setAside("it was not made there, but has the group 4")
    )
    #expect(round.verdict(on: other, of: 7, group: nil) == .take)
    for mode: UInt32 in [0o620, 0o602, 0o666] {
      other = good
      other.mode = mode
      #expect(
        round.verdict(on: other, of: 7, group: 3)
          == .setAside("others than its owner may write to it")
      )
    }
  }

  @Test("a user's share of a round is bounded, and the others' is not touched")
  func share() {
    var limits = OfflineRound.Limits()
    limits.perUser = 3
    var round = OfflineRound(limits: limits)
    for number in 0..<3 { round.found("\(number)", of: 7) }
    round.found("x", of: 8)
    var enough = round
    enough.begin()
    #expect(!enough.hasRest)
    round.found("3", of: 7)
    round.begin()
    #expect(round.hasRest)
    var names: [String] = []
    while let (name, owner) = round.next() {
      names.append(name)
      round.started(owner)
      let verdict = round.ended(owner, .status(0), changed: 0, now: 0)
      #expect(verdict == nil)
    }
    #expect(names == ["0", "x", "1", "2"])
  }

  @Test("the first names of a user are kept, in whatever order they are found")
  func order() {
    var limits = OfflineRound.Limits()
    limits.perUser = 3
    var round = OfflineRound(limits: limits)
    for name in ["8", "2", "6", "4", "1", "7", "9", "3", "5"] { round.found(name, of: 7) }
    round.begin()
    #expect(round.hasRest)
    var names: [String] = []
    while let (name, owner) = round.next() {
      names.append(name)
      round.started(owner)
      _ = round.ended(owner, .status(0), changed: 0, now: 0)
    }
    #expect(names == ["1", "2", "3"])
  }

  @Test("after a program that had to be ended, its user's others wait for a later round")
  func killed() {
    var round = OfflineRound()
    for name in ["1", "2", "3"] { round.found(name, of: 7) }
    round.found("4", of: 8)
    round.begin()
    let first = round.next()
    #expect(first?.name == "1")
    round.started(7)
    #expect(round.ended(7, .signal(9), changed: 0, now: 0) == .leave)
    let second = round.next()
    #expect(second?.name == "4")
    let third = round.next()
    #expect(third == nil)
    #expect(round.hasRest)
  }

  @Test("a round that stops with messages that wait has a rest, one without has none")
  func stopped() {
    var round = OfflineRound()
    round.begin()
    round.stop()
    #expect(!round.hasRest)
    round.found("1", of: 7)
    round.begin()
    round.stop()
    #expect(round.hasRest)
  }

  @Test("owners take turns, within what runs at a time and of one user")
  func turns() {
    var round = OfflineRound()
    for number in 0..<100 { round.found("a\(number)", of: 1) }
    for owner in 2...9 as ClosedRange<UInt32> { round.found("u\(owner)", of: owner) }
    round.begin()
    var owners: [UInt32] = []
    while let (_, owner) = round.next() {
      round.started(owner)
      owners.append(owner)
    }
    #expect(owners == [1, 2, 3, 4, 5])
    #expect(round.limits.running == 5)
    _ = round.ended(2, .status(0), changed: 0, now: 0)
    let after = round.next()
    #expect(after?.name == "u6")
  }

  @Test("one user alone has two at a time")
  func alone() {
    var round = OfflineRound()
    for number in 0..<10 { round.found("\(number)", of: 1) }
    round.begin()
    for wanted in ["0", "1"] {
      let next = round.next()
      #expect(next?.name == wanted)
      round.started(1)
    }
    let third = round.next()
    #expect(third == nil)
    _ = round.ended(1, .status(75), changed: 0, now: 0)
    let after = round.next()
    #expect(after?.name == "2")
  }

  @Test("what cannot be sent now waits; what cannot be sent at all, or for too long, is set aside")
  func endings() {
    var round = OfflineRound()
    func end(_ ending: OfflineRound.Ending, age: Int64) -> OfflineRound.Verdict? {
      round.started(7)
      return round.ended(7, ending, changed: 100, now: 100 + age)
    }
    #expect(end(.status(0), age: 1 << 40) == nil)
    #expect(end(.status(70), age: 0) == .setAside("sendmail ended with status 70"))
    #expect(end(.status(64), age: 0) == .setAside("sendmail ended with status 64"))
    #expect(!round.hasRest)
    #expect(end(.status(75), age: round.limits.age) == .leave)
    #expect(end(.signal(9), age: 0) == .leave)
    #expect(round.hasRest)
    #expect(
      end(.status(75), age: round.limits.age + 1) == .setAside("it could not be sent for too long")
    )
  }

  @Test("what was never finished is set aside after a day, what has a strange name at once")
  func others() {
    let round = OfflineRound()
    let day = round.limits.unfinishedAge
    #expect(round.verdict(on: .unfinished, changed: 0, now: day) == .leave)
    #expect(round.verdict(on: .unfinished, changed: 0, now: day + 1) != .leave)
    #expect(round.verdict(on: .foreign, changed: 0, now: 0) != .leave)
    #expect(round.verdict(on: .setAside, changed: 0, now: day + 1) == .leave)
  }
}
