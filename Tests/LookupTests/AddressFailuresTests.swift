// SPDX-License-Identifier: ISC

import Lookup
import Mail
import Testing

@Suite("Failures by address")
struct AddressFailuresTests {
  private func limits(_ failures: Int, addresses: Int = 100) -> AddressFailures.Limits {
    var limits = AddressFailures.Limits()
    limits.failuresMax = failures
    limits.forgiveness = 1000
    limits.addressesMax = addresses
    return limits
  }

  private let here = SourceAddress.inet4(1)

  @Test("as many as are allowed, and then no more, of that address alone")
  func counts() {
    var failures = AddressFailures(limits(3))
    #expect(failures.failed(here, as: "joe", at: 0) == .welcome)
    #expect(failures.failed(here, as: "joe", at: 10) == .welcome)
    #expect(failures.standing(of: here, as: "joe", at: 10) == .welcome)
    #expect(failures.failed(here, as: "joe", at: 20) == .barred)
    #expect(failures.standing(of: here, as: "joe", at: 20) == .barred)
    #expect(failures.standing(of: .inet4(2), as: "joe", at: 20) == .welcome)
  }

  @Test("one after the other is forgiven, and going on costs anew")
  func forgiveness() {
    var failures = AddressFailures(limits(3))
    for _ in 1...3 { _ = failures.failed(here, as: "joe", at: 0) }
    #expect(failures.standing(of: here, as: "joe", at: 999) == .barred)
    #expect(failures.standing(of: here, as: "joe", at: 1000) == .welcome)
    #expect(failures.failed(here, as: "joe", at: 1500) == .barred)
    // What had been forgiven in part is not begun anew.
    #expect(failures.standing(of: here, as: "joe", at: 1999) == .barred)
    #expect(failures.standing(of: here, as: "joe", at: 2000) == .welcome)
    #expect(failures.failed(here, as: "joe", at: 1_000_000) == .welcome)
  }

  @Test("a network of IPv6 is one address")
  func networks() {
    var failures = AddressFailures(limits(2))
    _ = failures.failed(.inet6(7, 1), as: "joe", at: 0)
    #expect(failures.failed(.inet6(7, 2), as: "joe", at: 0) == .barred)
    #expect(failures.standing(of: .inet6(7, 3), as: "joe", at: 0) == .barred)
    #expect(failures.standing(of: .inet6(8, 1), as: "joe", at: 0) == .welcome)
  }

  @Test("the networks of one site are barred together, once they have failed often enough")
  func sites() {
    var limits = limits(2)
    limits.siteFailuresMax = 5
    var failures = AddressFailures(limits)
    let site: UInt64 = 0x2001_0db8_0001_0000
    for network in UInt64(0)..<4 {
      #expect(failures.failed(.inet6(site + network, 1), as: "joe", at: 0) == .welcome)
    }
    #expect(failures.standing(of: .inet6(site + 0xffff, 1), as: "joe", at: 0) == .welcome)
    #expect(failures.failed(.inet6(site + 4, 1), as: "joe", at: 0) == .barred)
    #expect(failures.standing(of: .inet6(site + 0xffff, 1), as: "joe", at: 0) == .barred)
    #expect(failures.standing(of: .inet6(site + 0x1_0000, 1), as: "joe", at: 0) == .welcome)
    #expect(failures.standing(of: .inet6(site - 1, 1), as: "joe", at: 0) == .welcome)
    #expect(failures.standing(of: .inet6(site + 0xffff, 1), as: "joe", at: 1000) == .welcome)
    #expect(failures.count == 6)
  }

  @Test("no crowd makes it remember more than its limit, nor forget who failed most")
  func bounded() {
    var failures = AddressFailures(limits(3, addresses: 50))
    for _ in 1...3 { _ = failures.failed(here, as: "joe", at: 0) }
    for address in 100..<1000 {
      _ = failures.failed(.inet4(UInt32(address)), as: "joe", at: 1)
      #expect(failures.count <= 50)
    }
    #expect(failures.standing(of: here, as: "joe", at: 1) == .barred)
  }

  private static let loopbacks: [SourceAddress] = [
    .inet4(0x7f00_0001), .inet4(0x7f12_3456), .inet6(0, 1),
  ]

  @Test("on the loopback failures count for the name that was given, from whatever address of it")
  func loopback() {
    var failures = AddressFailures(limits(3))
    for source in Self.loopbacks { _ = failures.failed(source, as: "Joe", at: 0) }
    for source in Self.loopbacks {
      #expect(failures.standing(of: source, as: "joe", at: 0) == .barred)
      #expect(failures.standing(of: source, as: "ann", at: 0) == .welcome)
    }
    #expect(failures.standing(of: here, as: "joe", at: 0) == .welcome)
    #expect(failures.standing(of: Self.loopbacks[0], as: "joe", at: 1000) == .welcome)
    for name in ["a", "b", "c", "d"] { _ = failures.failed(here, as: name, at: 0) }
    #expect(failures.standing(of: here, as: "ann", at: 0) == .barred)
    #expect(failures.standing(of: Self.loopbacks[0], as: "ann", at: 0) == .welcome)
  }

  @Test("failures over loopback count together, too, under whatever names, and bar nobody")
  func machine() {
    var limits = limits(3)
    limits.machineFailuresMax = 5
    limits.machineForgiveness = 100
    var failures = AddressFailures(limits)
    for name in ["a", "b", "c", "d"] {
      #expect(failures.failed(here, as: name, at: 0) != .barred || name > "b")
      #expect(failures.failed(Self.loopbacks[0], as: name, at: 0) == .welcome)
    }
    #expect(!failures.isMachineSuspect(at: 0))
    #expect(failures.failed(Self.loopbacks[2], as: "e", at: 0) == .welcome)
    #expect(failures.isMachineSuspect(at: 99))
    #expect(failures.standing(of: Self.loopbacks[0], as: "e", at: 99) == .welcome)
    #expect(!failures.isMachineSuspect(at: 100))
    #expect(AddressFailures.Limits().machineFailuresMax == 1000)
  }

  @Test("a long attack is forgiven within twice the time of the most failures that count")
  func longAttack() {
    var failures = AddressFailures()
    for number in 0..<100_000 {
      _ = failures.failed(Self.loopbacks[0], as: "u\(number % 9000)", at: 0)
    }
    let limits = AddressFailures.Limits()
    let most = Int64(limits.machineFailuresMax) * limits.machineForgiveness
    #expect(failures.isMachineSuspect(at: most))
    #expect(!failures.isMachineSuspect(at: most + limits.machineForgiveness))
  }

  @Test("no crowd of those who failed as often makes it forget all of them")
  func crowd() {
    var failures = AddressFailures(limits(3, addresses: 40))
    for address in 1...40 as ClosedRange<UInt32> {
      for _ in 1...3 { _ = failures.failed(.inet4(address), as: "joe", at: Int64(address)) }
    }
    _ = failures.failed(.inet4(99), as: "joe", at: 50)
    #expect(failures.count == 31)
    for address in 1...40 as ClosedRange<UInt32> {
      let wanted: AddressFailures.Standing = address > 10 ? .barred : .welcome
      #expect(failures.standing(of: .inet4(address), as: "joe", at: 50) == wanted, "\(address)")
    }
  }

  @Test("no flood of names makes it remember more than its limit, nor forget who failed most")
  func names() {
    var limits = limits(3)
    limits.usersMax = 50
    var failures = AddressFailures(limits)
    for _ in 1...3 {
      _ = failures.failed(Self.loopbacks[0], as: "joe", at: 0)
      _ = failures.failed(here, as: "joe", at: 0)
    }
    for number in 100..<1000 {
      _ = failures.failed(Self.loopbacks[0], as: "user\(number)", at: 1)
      #expect(failures.count <= 51)
    }
    #expect(failures.standing(of: Self.loopbacks[0], as: "joe", at: 1) == .barred)
    #expect(failures.standing(of: here, as: "joe", at: 1) == .barred)
  }
}
