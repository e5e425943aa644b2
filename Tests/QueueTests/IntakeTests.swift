// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Queue

@Suite("Intake")
struct IntakeTests {
  static let frontend: UInt32 = 7
  /// Of lookup's.
  static let edge: UInt32 = 3

  static func id(_ number: UInt32) throws -> MessageID { try #require(MessageID(number)) }

  static func envelope(_ message: UInt32, _ low: UInt32) throws -> Envelope {
    let address = Address(local: "u", domain: "example.org")
    return Envelope(
      id: try #require(EnvelopeID(message: try id(message), low: low)),
      kind: .relay,
      action: "out",
      recipient: address,
      destination: address,
      created: .epoch
    )
  }

  static func message(_ number: UInt32, size: Int) throws -> Message {
    Message(
      id: try id(number),
      sender: nil,
      created: .epoch,
      size: size,
      session: SessionFacts(
        id: SessionID(1),
        source: .local,
        serverName: "",
        helo: "",
        hostname: ""
      )
    )
  }

  /// Envelopes by their places.
  static func tally(_ lows: some Sequence<UInt32>) throws -> EnvelopeTally {
    var tally = EnvelopeTally()
    for low in lows { tally.add(try #require(EnvelopeID(message: try id(1), low: low))) }
    return tally
  }

  /// What each envelope of these tests takes.
  static func envelopeBytes() throws -> Int { try envelope(1, 1).memoryBytes }

  static func intake(memoryBody: Int = 100, memory: Int = 100_000) throws -> Intake {
    var limits = Intake.Limits()
    limits.memoryBody = memoryBody
    limits.memoryBodyWhenShort = memoryBody / 2
    limits.memory = memory
    limits.memoryMax = memory + memory / 2
    limits.envelopes = 4
    var intake = Intake(limits: limits)
    intake.reserved(first: try id(1), count: 100, frontend: frontend)
    intake.lookupFound(edge: edge)
    return intake
  }

  /// The actions in words, in their order.
  static func words(_ actions: [Intake.Action]) -> [String] {
    actions.map { action in
      switch action {
      case .stored(_, let id): "stored \(id.rawValue)"
      case .refused(_, let id, let reply): "refused \(id.rawValue) \(reply.code)"
      case .credit(_, let id, let count): "credit \(id.rawValue) \(count)"
      case .stage(let id, let bytes): "stage \(id.rawValue) \(bytes.count)"
      case .finishStage(let id): "finish \(id.rawValue)"
      case .discardStage(let id): "discard \(id.rawValue)"
      case .commit(let new): "commit \(new.message.id.rawValue) \(new.envelopes.count)"
      case .admission(let reply): "admission \(reply?.code ?? 250)"
      }
    }
  }

  @Test("a message is committed once body and envelopes are here, whichever came last")
  func complete() throws {
    for isEnvelopeLast in [true, false] {
      var intake = try Self.intake()
      let envelope = try Self.envelope(3, 1)
      let message = try Self.message(3, size: 10)
      if !isEnvelopeLast { #expect(intake.envelopes([envelope]).isEmpty) }
      let body = intake.body(message.id, [UInt8](repeating: 65, count: 10), from: Self.frontend)
      #expect(Self.words(body) == ["credit 3 10"])
      var actions = intake.submit(
        message,
        envelopes: try Self.tally(1...1),
        over: Self.edge,
        from: Self.frontend
      )
      if isEnvelopeLast {
        #expect(actions.isEmpty)
        actions = intake.envelopes([envelope])
      }
      #expect(Self.words(actions) == ["commit 3 1"])
      #expect(Self.words(intake.committed(message.id)) == ["stored 3"])
      #expect(intake.count == 0 && intake.bytesInMemory == 0)
    }
  }

  @Test("a large body is staged, and its credit is given once")
  func staging() throws {
    var intake = try Self.intake()
    let message = try Self.message(4, size: 150)
    let first = [UInt8](repeating: 1, count: 90)
    let second = [UInt8](repeating: 2, count: 60)
    #expect(Self.words(intake.body(message.id, first, from: Self.frontend)) == ["credit 4 90"])
    #expect(Self.words(intake.body(message.id, second, from: Self.frontend)) == ["stage 4 150"])
    #expect(
      intake.submit(message, envelopes: try Self.tally(1...1), over: Self.edge, from: Self.frontend)
        .isEmpty
    )
    #expect(
      Self.words(intake.staged(message.id, written: 150)) == ["credit 4 60", "finish 4"]
    )
    #expect(intake.envelopes([try Self.envelope(4, 1)]).isEmpty)
    #expect(Self.words(intake.stageFinished(message.id, checksum: 7)) == ["commit 4 1"])
    let failed = intake.commitFailed(message.id, Intake.notStored)
    #expect(Self.words(failed) == ["discard 4", "refused 4 451"])
    #expect(intake.count == 0 && intake.bytesInMemory == 0)
  }

  @Test("a body that cannot be staged is refused at once, and so is the rest of it")
  func stageFailure() throws {
    var intake = try Self.intake()
    let id = try Self.id(5)
    _ = intake.body(id, [UInt8](repeating: 1, count: 150), from: Self.frontend)
    #expect(
      Self.words(intake.stageFailed(id, Intake.notStored, 150)) == [
        "discard 5", "refused 5 451",
      ]
    )
    #expect(Self.words(intake.body(id, [1], from: Self.frontend)) == ["refused 5 451"])
    let submit = intake.submit(
      try Self.message(5, size: 151),
      envelopes: try Self.tally(1...1),
      over: Self.edge,
      from: Self.frontend
    )
    #expect(Self.words(submit) == ["refused 5 451"])
    #expect(intake.bytesInMemory == 0 && intake.count == 0)
  }

  @Test("what comes late for a transaction that is over begins no other one")
  func late() throws {
    var intake = try Self.intake()
    let id = try Self.id(6)
    _ = intake.body(id, [1, 2], from: Self.frontend)
    #expect(intake.abort(id, from: Self.frontend).isEmpty)
    #expect(intake.envelopes([try Self.envelope(6, 1)]).isEmpty)
    #expect(intake.count == 0)
  }

  @Test("a submit with what does not fit together is refused")
  func mismatches() throws {
    var intake = try Self.intake()
    _ = intake.envelopes([try Self.envelope(9, 1), try Self.envelope(9, 1)])
    let doubled = intake.submit(
      try Self.message(9, size: 0),
      envelopes: try Self.tally([1, 1]),
      over: Self.edge,
      from: Self.frontend
    )
    #expect(Self.words(doubled) == ["refused 9 451"])
    _ = intake.envelopes([try Self.envelope(10, 1)])
    _ = intake.envelopes([try Self.envelope(15, 1), try Self.envelope(15, 3)])
    let others = intake.submit(
      try Self.message(15, size: 0),
      envelopes: try Self.tally([1, 2]),
      over: Self.edge,
      from: Self.frontend
    )
    #expect(Self.words(others) == ["refused 15 451"])
    let size = intake.submit(
      try Self.message(10, size: 1),
      envelopes: try Self.tally(1...1),
      over: Self.edge,
      from: Self.frontend
    )
    #expect(Self.words(size) == ["refused 10 451"])
    let none = intake.submit(
      try Self.message(11, size: 0),
      envelopes: EnvelopeTally(),
      over: Self.edge,
      from: Self.frontend
    )
    #expect(Self.words(none) == ["refused 11 451"])
    #expect(intake.envelopes([try Self.envelope(12, 1), try Self.envelope(13, 1)]).isEmpty)
    let foreign = intake.submit(
      try Self.message(500, size: 0),
      envelopes: try Self.tally(1...1),
      over: Self.edge,
      from: Self.frontend
    )
    #expect(Self.words(foreign) == ["refused 500 451"])
    for low in UInt32(1)...4 {
      #expect(intake.envelopes([try Self.envelope(14, low)]).isEmpty)
    }
    #expect(Self.words(intake.envelopes([try Self.envelope(14, 5)])) == ["refused 14 452"])
    let many = intake.submit(
      try Self.message(14, size: 0),
      envelopes: try Self.tally(1...5),
      over: Self.edge,
      from: Self.frontend
    )
    #expect(Self.words(many) == ["refused 14 451"])
    #expect(intake.count == 0)
  }

  @Test("long texts of an envelope count, short ones lie in its structure")
  func envelopeTexts() throws {
    let short = try Self.envelope(1, 1)
    var long = short
    long.originalRecipient = "rfc822;\(String(repeating: "x", count: 493))"
    #expect(long.memoryBytes >= short.memoryBytes + 500)
    #expect(short.memoryBytes >= MemoryLayout<Envelope>.stride)
  }

  private static func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 1, count: count) }

  @Test("staged bodies together take no more than there is room for, each up to the last byte")
  func room() throws {
    var intake = try Self.intake()
    intake.room(500, whenSettled: 0)
    let first = try Self.id(1)
    let second = try Self.id(2)
    let words = { (actions: [Intake.Action]) in Self.words(actions) }
    #expect(words(intake.body(first, Self.bytes(150), from: Self.frontend)) == ["stage 1 150"])
    #expect(words(intake.body(second, Self.bytes(150), from: Self.frontend)) == ["stage 2 150"])
    #expect(words(intake.body(first, Self.bytes(200), from: Self.frontend)) == ["stage 1 200"])
    // The room is used up: one more byte is refused, and so is who comes next.
    #expect(
      words(intake.body(second, [1], from: Self.frontend)) == [
        "discard 2", "refused 2 452", "admission 452",
      ]
    )
    #expect(intake.bytesInMemory == 350)
    let small = intake.body(try Self.id(3), Self.bytes(100), from: Self.frontend)
    #expect(words(small) == ["credit 3 100"])
    // What fits in memory needs a file once it grows.
    #expect(
      words(intake.body(try Self.id(3), [1], from: Self.frontend)) == ["refused 3 452"]
    )
  }

  @Test("a look at the disk counts what was not written when it began")
  func look() throws {
    var intake = try Self.intake()
    intake.room(1000, whenSettled: 0)
    let id = try Self.id(1)
    _ = intake.body(id, Self.bytes(300), from: Self.frontend)
    let before = intake.bytesSettled
    #expect(before == 0)
    _ = intake.staged(id, written: 300)
    _ = intake.body(id, Self.bytes(300), from: Self.frontend)
    // 1000 were free, of which 600 were asked for since.
    intake.room(1000, whenSettled: before)
    #expect(Self.words(intake.body(id, Self.bytes(400), from: Self.frontend)) == ["stage 1 400"])
    _ = intake.staged(id, written: 300)
    #expect(intake.bytesSettled == 600)
    // All but the last 400 are written, and 500 are free.
    intake.room(500, whenSettled: 600)
    let over = intake.body(id, Self.bytes(101), from: Self.frontend)
    #expect(Self.words(over).contains("refused 1 452"))
  }

  @Test("once there is room again staged bodies are taken again, also after failures")
  func roomAgain() throws {
    var intake = try Self.intake()
    intake.room(0, whenSettled: 0)
    let first = intake.body(try Self.id(1), Self.bytes(101), from: Self.frontend)
    #expect(Self.words(first) == ["refused 1 452", "admission 452"])
    intake.room(200, whenSettled: intake.bytesSettled)
    #expect(Self.words(intake.space(nil)) == ["admission 250"])
    let second = try Self.id(2)
    _ = intake.body(second, Self.bytes(200), from: Self.frontend)
    _ = intake.stageFailed(second, Intake.notStored, 200)
    #expect(intake.bytesSettled == 200)
    intake.room(.max, whenSettled: 200)
    let third = intake.body(try Self.id(3), Self.bytes(500), from: Self.frontend)
    #expect(Self.words(third) == ["stage 3 500"])
  }

  @Test("a frontend that comes back learns of what it has in a commit")
  func reclaim() throws {
    var intake = try Self.intake()
    _ = intake.envelopes([try Self.envelope(1, 1)])
    _ = intake.submit(
      try Self.message(1, size: 0),
      envelopes: try Self.tally(1...1),
      over: Self.edge,
      from: Self.frontend
    )
    #expect(intake.lost(frontend: Self.frontend).isEmpty)
    #expect(intake.reclaimed(try Self.id(1), by: 9))
    guard case .stored(let frontend, _)? = intake.committed(try Self.id(1)).first else {
      Issue.record("not stored")
      return
    }
    #expect(frontend == 9)
    #expect(!intake.reclaimed(try Self.id(2), by: 9))
  }

  @Test("whatever happens in whatever order, nothing is left at the end", arguments: 0..<40)
  func random(seed: UInt64) throws {
    var random = Generator(state: seed &* 0x9e37_79b9_7f4a_7c15 &+ 1)
    var intake = try Self.intake(memoryBody: 100, memory: 8 * Self.envelopeBytes())
    for _ in 0..<600 {
      let number = UInt32.random(in: 1...30, using: &random)
      let id = try Self.id(number)
      var actions: [Intake.Action] = []
      switch Int.random(in: 0..<9, using: &random) {
      case 0, 1:
        let size = Int.random(in: 0...120, using: &random)
        actions = intake.body(id, [UInt8](repeating: 0, count: size), from: Self.frontend)
      case 2, 3:
        let low = UInt32.random(in: 1...3, using: &random)
        actions = intake.envelopes([try Self.envelope(number, low)])
      case 4:
        let size = Int.random(in: 0...200, using: &random)
        actions = intake.submit(
          try Self.message(number, size: size),
          envelopes: try Self.tally(
            (0..<Int.random(in: 0...2, using: &random)).map { _ in
              UInt32.random(in: 1...3, using: &random)
            }
          ),
          over: Self.edge,
          from: Self.frontend
        )
      case 5: actions = intake.abort(id, from: Self.frontend)
      case 6: actions = intake.stageFailed(id, Intake.notStored, 0)
      case 7: actions = intake.commitFailed(id, Intake.notStored)
      default: if seed % 2 == 0 { actions = intake.lookupLost(edge: Self.edge) }
      }
      var index = 0
      while index < actions.count {
        switch actions[index] {
        case .stage(let id, let bytes):
          if Bool.random(using: &random) {
            actions += intake.staged(id, written: bytes.count)
          }
        case .finishStage(let id): actions += intake.stageFinished(id, checksum: 7)
        case .commit(let new):
          if Bool.random(using: &random) { actions += intake.committed(new.message.id) }
        default: break
        }
        index += 1
      }
    }
    _ = intake.lost(frontend: Self.frontend)
    for number in UInt32(1)...30 { _ = intake.committed(try Self.id(number)) }
    #expect(intake.count == 0 && intake.bytesInMemory == 0)
    #expect(intake.admission == nil)
  }

  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var value = state
      value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
      value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
      return value ^ (value >> 31)
    }
  }
}
