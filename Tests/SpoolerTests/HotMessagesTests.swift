// SPDX-License-Identifier: ISC

import Mail
import Queue
import Testing

@testable import Spooler

@Suite("Messages that are kept for their first try")
struct HotMessagesTests {
  private static func message(
    _ number: UInt32,
    envelopes: Int = 1,
    body: NewMessage.Body = .bytes([])
  ) throws -> NewMessage {
    let id = try #require(MessageID(number))
    var all: [Envelope] = []
    for low in 1...envelopes {
      all.append(try QueueRig.envelope(id, UInt32(low)))
    }
    return NewMessage(
      message: QueueRig.message(id, size: body.size),
      envelopes: all,
      body: body
    )
  }

  private static func size(_ new: NewMessage) -> Int {
    var size = new.message.memoryBytes
    for envelope in new.envelopes { size += envelope.memoryBytes }
    if case .bytes(let bytes) = new.body { size += bytes.count }
    return size
  }

  private static func kept(_ bytes: Int) -> HotMessages {
    var limits = HotMessages.Limits()
    limits.bytes = bytes
    return HotMessages(limits: limits)
  }

  @Test("records, envelopes and bodies count, also of a staged body, to the last byte")
  func bound() throws {
    let bodies: [NewMessage.Body] = [.bytes([UInt8](repeating: 1, count: 500)), .staged(size: 900)]
    for body in bodies {
      let first = try Self.message(1, envelopes: 3, body: body)
      let second = try Self.message(2, body: body)
      let whole = Self.size(first) + Self.size(second)
      for missing in [0, 1] {
        var hot = Self.kept(whole - missing)
        hot.keep(first, at: .epoch) { _ in true }
        hot.keep(second, at: .epoch) { _ in true }
        #expect(hot[first.message.id] != nil)
        #expect((hot[second.message.id] != nil) == (missing == 0), "\(body)")
        #expect(hot.bytes == (missing == 0 ? whole : Self.size(first)))
        hot.drop(first.message.id)
        hot.drop(second.message.id)
        #expect(hot.bytes == 0)
      }
    }
  }

  @Test("many recipients fill it as large bodies do")
  func envelopes() throws {
    var hot = HotMessages()
    for number in UInt32(1)...200 {
      hot.keep(try Self.message(number, envelopes: 3000), at: .epoch) { _ in true }
    }
    #expect(hot.bytes <= 48 << 20)
    let one = try Self.message(1).envelopes[0].memoryBytes
    #expect(hot.bytes > 40 << 20 && hot.bytes / one < 3000 * 200 / 4)
  }

  @Test("what had its turn long ago makes room, the oldest first")
  func age() throws {
    var hot = Self.kept(3 * Self.size(try Self.message(1)))
    for number in UInt32(1)...3 {
      hot.keep(try Self.message(number), at: Instant(seconds: Int64(number))) { _ in true }
    }
    func ids() throws -> [UInt32] {
      try (UInt32(1)...6).filter { hot[try #require(MessageID($0))] != nil }
    }
    hot.keep(try Self.message(4), at: Instant(seconds: 61)) { _ in true }
    #expect(try ids() == [1, 2, 3])
    hot.keep(try Self.message(5), at: Instant(seconds: 62)) { _ in true }
    #expect(try ids() == [2, 3, 5])
    hot.drop(try #require(MessageID(3)))
    hot.keep(try Self.message(6), at: Instant(seconds: 63)) { _ in true }
    #expect(try ids() == [5, 6])
  }

  @Test("envelopes that rest are not kept, and a message goes with the last one that is")
  func resting() throws {
    var hot = HotMessages()
    let new = try Self.message(1, envelopes: 4)
    hot.keep(new, at: .epoch) { $0.id.low > 1 }
    #expect(hot.stored(new.envelopes[0].id) == nil)
    #expect(hot.stored(new.envelopes[1].id)?.envelope == new.envelopes[1])
    hot.forget(new.envelopes[1].id)
    #expect(hot.stored(new.envelopes[1].id) == nil && hot[new.message.id] != nil)
    for envelope in new.envelopes { hot.forget(envelope.id) }
    #expect(hot[new.message.id] == nil && hot.bytes == 0)
    hot.keep(new, at: .epoch) { _ in false }
    #expect(hot[new.message.id] == nil && hot.bytes == 0)
  }
}
