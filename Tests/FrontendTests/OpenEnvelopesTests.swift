// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Frontend

@Suite("Envelopes of the open transactions of one client")
struct OpenEnvelopesTests {
  private static let address = SourceAddress.inet4(0xc000_0207)

  private func envelopes(beside: Int = 0) -> OpenEnvelopes {
    var limits = OpenEnvelopes.Limits()
    limits.beside = beside
    limits.ofClient = 10
    limits.ofClientMax = 20
    return OpenEnvelopes(limits: limits)
  }

  @Test("several transactions have room up to the limit together, and one that is over gives back")
  func several() {
    let envelopes = envelopes()
    let first = envelopes.share(of: nil, at: Self.address)
    var second: OpenEnvelopes.Share? = envelopes.share(of: nil, at: Self.address)
    first.add(4)
    second?.add(5)
    #expect(first.room > 0)
    second?.add(1)
    #expect(first.room == 0)
    #expect(second?.room == 0)
    #expect(envelopes.share(of: nil, at: Self.address).room == 0)
    #expect(envelopes.share(of: nil, at: .inet4(0xc000_0208)).room > 0)
    second = nil
    #expect(first.room > 0)
    first.add(5)
    #expect(envelopes.share(of: nil, at: Self.address).room > 0)
  }

  @Test("one that is alone may have any number, and then no other has any")
  func alone() {
    let envelopes = envelopes()
    let first = envelopes.share(of: nil, at: Self.address)
    let second = envelopes.share(of: nil, at: Self.address)
    first.add(1000)
    #expect(first.room == 99_000)
    #expect(first.isWithinBounds)
    #expect(second.room <= 0)
  }

  @Test("a single message has room up to its own limit, by whomever it comes")
  func message() {
    let envelopes = OpenEnvelopes()
    for source in [Self.address, .inet4(0x7f00_0001)] {
      let share = envelopes.share(of: nil, at: source)
      #expect(share.room == 100_000)
      share.add(99_999)
      #expect(share.room == 1)
      share.add(1)
      #expect(share.room == 0)
    }
  }

  @Test("a few of others beside it take nothing from a large one, and it leaves them none")
  func beside() {
    let envelopes = envelopes(beside: 2)
    let small = envelopes.share(of: nil, at: Self.address)
    let large = envelopes.share(of: nil, at: Self.address)
    small.add(2)
    large.add(1000)
    #expect(large.room == 99_000)
    #expect(large.isWithinBounds)
    #expect(small.room < 0)
    small.add(1)
    #expect(large.room < 0)
    #expect(!large.isWithinBounds)
  }

  @Test("what was asked about at the same time may be twice as much, and no more")
  func together() {
    let envelopes = envelopes()
    let shares = [0, 1].map { _ in envelopes.share(of: nil, at: Self.address) }
    for share in shares { share.add(10) }
    #expect(shares.allSatisfy { $0.isWithinBounds && $0.room <= 0 })
    shares[1].add(1)
    #expect(shares.allSatisfy { !$0.isWithinBounds })
  }

  @Test("an IPv6 network counts as one, local users each, and this machine not at all")
  func clients() {
    func hasRoom(_ full: (UInt32?, SourceAddress), _ other: (UInt32?, SourceAddress)) -> Bool {
      let envelopes = envelopes()
      let share = envelopes.share(of: full.0, at: full.1)
      share.add(10)
      let hasRoom = envelopes.share(of: other.0, at: other.1).room > 0
      _ = share
      return hasRoom
    }
    #expect(!hasRoom((nil, .inet6(7, 1)), (nil, .inet6(7, 2))))
    #expect(hasRoom((nil, .inet6(7, 1)), (nil, .inet6(8, 1))))
    #expect(!hasRoom((5, .local), (5, .local)))
    #expect(hasRoom((5, .local), (6, .local)))
    #expect(hasRoom((nil, .inet4(0x7f00_0001)), (nil, .inet4(0x7f00_0001))))
  }

  @Test("who is gone leaves nothing behind")
  func leavings() {
    let envelopes = envelopes()
    var share: OpenEnvelopes.Share? = envelopes.share(of: 5, at: .local)
    share?.add(3)
    #expect(envelopes.clientCount == 1)
    share = nil
    #expect(envelopes.clientCount == 0)
    _ = share
  }
}
