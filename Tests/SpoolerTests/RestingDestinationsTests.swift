// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Spooler

@Suite("Destinations that could not be reached")
struct RestingDestinationsTests {
  private static func id(_ number: UInt64) throws -> EnvelopeID {
    try #require(EnvelopeID(1 << 32 + number))
  }

  private static func limits(_ destinations: Int) -> RestingDestinations.Limits {
    var limits = RestingDestinations.Limits()
    limits.destinations = destinations
    return limits
  }

  @Test("with one destination too many the oldest is forgotten")
  func oldest() throws {
    var resting = RestingDestinations(most: 5, limits: Self.limits(2))
    for (number, name) in ["a", "b", "a", "c"].enumerated() {
      resting.remember(try Self.id(UInt64(number) + 1), for: name, at: .epoch) { _ in true }
    }
    #expect(resting.count == 2)
    #expect(resting.works("a") == nil)
    #expect(resting.works("b") == [try Self.id(2)])
    #expect(resting.works("b") == nil)
    #expect(resting.works("c") == [try Self.id(4)])
  }

  @Test("a destination is forgotten after four hours, and remembered anew")
  func age() throws {
    var resting = RestingDestinations(most: 5)
    resting.remember(try Self.id(1), for: "a", at: .epoch) { _ in true }
    resting.remember(try Self.id(2), for: "b", at: Instant(seconds: 4 * 3600)) { _ in true }
    #expect(resting.count == 2)
    resting.remember(try Self.id(3), for: "a", at: Instant(seconds: 4 * 3600 + 1)) { _ in true }
    #expect(resting.works("a") == [try Self.id(3)])
    #expect(resting.count == 1)
  }

  @Test("envelopes that have left the schedule make room for others")
  func gone() throws {
    var resting = RestingDestinations(most: 2)
    for number in UInt64(1)...3 {
      resting.remember(try Self.id(number), for: "a", at: .epoch) { _ in true }
    }
    resting.remember(try Self.id(4), for: "a", at: .epoch) { $0.rawValue & 1 == 0 }
    #expect(resting.works("a") == [try Self.id(2), try Self.id(4)])
  }

  @Test("the order stays right, and small, whatever comes and goes")
  func order() {
    var order = ArrivalOrder<Int>()
    for number in 0..<1000 {
      order.add(number, at: Instant(seconds: Int64(number)))
      if number >= 10 { order.remove(number - 10) }
      #expect(order.oldest()?.key == max(0, number - 9))
    }
    order.remove(990)
    order.add(991, at: Instant(seconds: 2000))
    #expect(order.oldest()?.key == 992)
    #expect(order.oldest()?.since == Instant(seconds: 992))
    for number in 991..<1000 { order.remove(number) }
    #expect(order.oldest() == nil)
  }
}
