// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Frontend

@Suite("Connections that owe their PROXY header")
struct AwaitedHeadersTests {
  private static let proxy = SourceAddress.inet4(0xc000_0201)
  private static let silent = SourceAddress.inet4(0xc000_0202)

  private final class Rig {
    var headers = AwaitedHeaders()
    var gone: [UInt64] = []

    @discardableResult
    func begin(_ source: SourceAddress, at now: Int64) -> UInt64 {
      var number: UInt64 = 0
      number = headers.begin(source, at: now) { [unowned self] in
        gone.append(number)
        headers.end(number)
      }
      return number
    }

    /// Returns whether there is one more place.
    func yield(at now: Int64, of places: Int) -> Bool {
      guard let giveUp = headers.first(toGoAt: now, of: places) else { return false }
      giveUp()
      return true
    }
  }

  @Test("the oldest goes, but not within its first second")
  func grace() {
    let rig = Rig()
    let numbers = [0, 10, 20].map { rig.begin(AwaitedHeadersTests.proxy, at: $0) }
    #expect(!rig.yield(at: 999, of: 100))
    #expect(rig.yield(at: 1000, of: 100))
    #expect(!rig.yield(at: 1009, of: 100))
    rig.headers.end(numbers[1])
    #expect(!rig.yield(at: 1019, of: 100))
    #expect(rig.yield(at: 1020, of: 100))
    #expect(rig.gone == [numbers[0], numbers[2]] && rig.headers.count == 0)
    #expect(!rig.yield(at: 5000, of: 100))
  }

  @Test("half of all places and there is no such second, one less and there is")
  func half() {
    for (owed, goes) in [(4, false), (5, true), (6, true)] {
      let rig = Rig()
      for _ in 0..<owed { rig.begin(AwaitedHeadersTests.silent, at: 0) }
      #expect(rig.yield(at: 0, of: 10) == goes, "\(owed)")
    }
  }

  @Test("who owes most goes, though another owes for longer, and a /64 of IPv6 is one")
  func most() {
    let rig = Rig()
    let old = rig.begin(AwaitedHeadersTests.proxy, at: 0)
    for low: UInt64 in 1...3 { rig.begin(.inet6(7, low), at: 100) }
    #expect(rig.yield(at: 2000, of: 100) && rig.yield(at: 2000, of: 100))
    #expect(rig.headers.count == 2 && !rig.gone.contains(old))
    #expect(rig.yield(at: 2000, of: 100) && rig.gone.last == old)
  }

  @Test("one that connects for ever takes no place of a proxy whose headers come")
  func flood() {
    let rig = Rig()
    let places = 20
    for now in 0..<Int64(5000) {
      if rig.headers.count == places { #expect(rig.yield(at: now, of: places)) }
      rig.begin(AwaitedHeadersTests.silent, at: now)
      if rig.headers.count == places { #expect(rig.yield(at: now, of: places)) }
      // Its header is there before its next connection.
      let number = rig.begin(AwaitedHeadersTests.proxy, at: now)
      #expect(!rig.gone.contains(number))
      rig.headers.end(number)
    }
  }
}
