// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Queue

@Suite("Identifier cursor")
struct IdentifierCursorTests {
  private static func stored(_ value: UInt32) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(value)
    return writer.finish()
  }

  @Test("nothing is handed out before the cursor covers it")
  func order() throws {
    var cursor = IdentifierCursor(stored: nil)
    let found1 = cursor.block(of: 10) { _ in false }
    #expect(found1 == nil)
    let found2 = cursor.extend(for: 10)
    let value = try #require(found2)
    #expect(value == Self.stored(1 + IdentifierCursor.stretch))
    let found3 = cursor.extend(for: 10)
    #expect(found3 == nil)
    let found4 = cursor.block(of: 10) { _ in false }
    let block = try #require(found4)
    #expect(block.first.rawValue == 1 && block.count == 10)
    let found5 = cursor.block(of: 10) { _ in false }
    let next = try #require(found5)
    #expect(next.first.rawValue == 11)
  }

  @Test("a restart repeats no number")
  func restart() throws {
    var cursor = IdentifierCursor(stored: nil)
    let found6 = cursor.extend(for: 1)
    let value = try #require(found6)
    var last: UInt32 = 0
    while let block = cursor.block(of: 1000, isTaken: { _ in false }) {
      last = block.first.rawValue + block.count - 1
    }
    var again = IdentifierCursor(stored: value)
    _ = again.extend(for: 1)
    let found7 = again.block(of: 1) { _ in false }
    #expect(try #require(found7).first.rawValue == last + 1)
  }

  @Test("numbers wrap without a trap, never to zero, and a block does not")
  func wrap() throws {
    for start in [UInt32.max - 5, UInt32.max - 1, UInt32.max, 0, 1] {
      var cursor = IdentifierCursor(stored: Self.stored(start))
      let found8 = cursor.extend(for: 20)
      _ = try #require(found8)
      var seen: Set<UInt32> = []
      for _ in 0..<4 {
        let found9 = cursor.block(of: 5) { _ in false }
        let block = try #require(found9)
        #expect(block.first.rawValue <= UInt32.max - (block.count - 1))
        for number in block.first.rawValue...block.first.rawValue + (block.count - 1) {
          #expect(number != 0 && seen.insert(number).inserted)
        }
      }
    }
  }

  @Test("live numbers are skipped, and a stretch of them asks for another one")
  func live() throws {
    var cursor = IdentifierCursor(stored: nil)
    _ = cursor.extend(for: 4)
    let found10 = cursor.block(of: 4) { $0.rawValue < 3 || $0.rawValue == 5 }
    let block = try #require(found10)
    #expect(block.first.rawValue == 3 && block.count == 2)
    let found11 = cursor.block(of: 4) { _ in true }
    #expect(found11 == nil)
    let found12 = cursor.extend(for: 4)
    #expect(found12 != nil)
    let found13 = cursor.block(of: 4) { _ in false }
    #expect(try #require(found13).first.rawValue == 65_537)
  }
}
