// SPDX-License-Identifier: ISC

import Interprocess
import KeysEdge
import TLS
import Testing

/// Three certificates and an anchor: what listeners show, what relays show, what both do.
@Suite("The ring of keys")
struct KeyRingTests {
  private static let users: [CertificatePackage.Users] = [
    .listeners, .relays, [.listeners, .relays],
  ]

  private static func key(_ number: UInt8) throws -> KeyName {
    try #require(KeyName([UInt8](repeating: number, count: KeyName.length)))
  }

  /// The keys of the places in their order; 0 is none.
  private static func renewal(
    _ generation: UInt32,
    _ keys: [UInt8],
    broken: Set<UInt16> = [],
    only: Int? = nil
  ) throws -> KeyRing.Renewal {
    var found: [Int: KeyName] = [:]
    for (place, number) in keys.enumerated() where number != 0 && (only ?? place) == place {
      found[place] = try key(number)
    }
    return KeyRing.Renewal(
      generation: generation,
      only: only,
      keys: found,
      users: users,
      broken: broken,
      count: users.count + 1
    )
  }

  /// The numbers of the keys that sign.
  private static func numbers(_ ring: KeyRing) -> [UInt8] {
    ring.users.keys.map { $0.bytes[0] }.sorted()
  }

  private static func ring(_ keys: [UInt8], broken: Set<UInt16> = []) throws -> KeyRing {
    var ring = KeyRing()
    #expect(try ring.take(renewal(1, keys, broken: broken)) == .taken)
    return ring
  }

  @Test("a key signs for whoever shows a certificate of it")
  func users() throws {
    var ring = try Self.ring([1, 2, 3])
    #expect(try ring.users[Self.key(1)] == .listeners)
    #expect(try ring.users[Self.key(3)] == [.listeners, .relays])
    #expect(try ring.users[Self.key(4)] == nil)
    ring = try Self.ring([1, 1, 3])
    #expect(try ring.users[Self.key(1)] == [.listeners, .relays])
  }

  @Test("a renewal of all is refused whole for anything that is broken")
  func whole() throws {
    for broken: UInt16 in 0...3 {
      var ring = try Self.ring([1, 2, 3])
      #expect(try ring.take(Self.renewal(2, [4, 5, 6], broken: [broken])) == .refused)
      #expect(Self.numbers(ring) == [1, 2, 3])
    }
  }

  @Test(
    "a former key stays until each role that shows its certificate is over with it, whatever else is renewed"
  )
  func former() throws {
    let cases: [(place: Int, roles: [Role])] = [
      (0, [.frontend]), (1, [.delivery]), (2, [.frontend, .delivery]), (2, [.delivery, .frontend]),
    ]
    for (place, roles) in cases {
      for only in [place, nil] {
        var ring = try Self.ring([1, 2, 3])
        var keys: [UInt8] = [1, 2, 3]
        keys[place] = 9
        #expect(try ring.take(Self.renewal(2, keys, only: only)) == .taken)
        // Of another one, and of all without a change.
        let other = (place + 1) % 3
        #expect(try ring.take(Self.renewal(3, keys, only: other)) == .taken)
        #expect(try ring.take(Self.renewal(4, keys)) == .taken)
        #expect(Self.numbers(ring) == [1, 2, 3, 9])
        for role in roles {
          #expect(Self.numbers(ring) == [1, 2, 3, 9], "\(place)")
          // Of the renewal before.
          ring.settled(role, 1)
          #expect(Self.numbers(ring) == [1, 2, 3, 9], "\(place)")
          ring.settled(role, 2)
        }
        #expect(Self.numbers(ring) == keys.sorted(), "\(place)")
      }
    }
  }

  @Test("a former key signs for those alone who showed its certificate")
  func formerUsers() throws {
    var ring = try Self.ring([1, 1, 3])
    #expect(try ring.take(Self.renewal(2, [4, 1, 3], only: 0)) == .taken)
    #expect(try ring.users[Self.key(1)] == [.listeners, .relays])
    ring.settled(.frontend, 2)
    #expect(try ring.users[Self.key(1)] == .relays)
    #expect(try ring.take(Self.renewal(3, [4, 5, 3], only: 1)) == .taken)
    #expect(try ring.users[Self.key(1)] == .relays)
    ring.settled(.delivery, 3)
    #expect(Self.numbers(ring) == [3, 4, 5])
  }

  @Test(
    "each of several renewals has its own former key, and one that comes back is former no more"
  )
  func several() throws {
    var ring = try Self.ring([1, 2, 3])
    #expect(try ring.take(Self.renewal(2, [4, 2, 3])) == .taken)
    #expect(try ring.take(Self.renewal(3, [5, 2, 3])) == .taken)
    #expect(Self.numbers(ring) == [1, 2, 3, 4, 5])
    ring.settled(.frontend, 2)
    #expect(Self.numbers(ring) == [2, 3, 4, 5])
    #expect(try ring.take(Self.renewal(4, [4, 2, 3])) == .taken)
    ring.settled(.frontend, 4)
    #expect(Self.numbers(ring) == [2, 3, 4])
    // An older word changes nothing.
    ring.settled(.frontend, 3)
    #expect(try ring.take(Self.renewal(5, [6, 2, 3])) == .taken)
    #expect(Self.numbers(ring) == [2, 3, 4, 6])
  }

  @Test("a certificate has so many former keys, and with one more the oldest goes")
  func bounded() throws {
    var ring = try Self.ring([101, 2, 3])
    let most = UInt8(KeyRing.Limits.former)
    for number in 1...most {
      let renewal = try Self.renewal(UInt32(number) + 1, [101 + number, 2, 3], only: 0)
      #expect(ring.take(renewal) == .taken)
    }
    #expect(Self.numbers(ring) == [2, 3] + (101...(101 + most)))
    #expect(try ring.take(Self.renewal(200, [200, 2, 3], only: 0)) == .taken)
    #expect(Self.numbers(ring) == [2, 3] + (102...(101 + most)) + [200])
  }

  @Test("what nobody can use is refused; what comes then is taken piece by piece, in any order")
  func nothing() throws {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
      for asked in [nil, order[0]] {
        var ring = KeyRing()
        var keys: [UInt8] = [0, 0, 0]
        var broken: Set<UInt16> = [0, 1, 2, 3]
        #expect(try ring.take(Self.renewal(1, keys, broken: broken)) == .refused)
        for (step, place) in order.enumerated() {
          keys[place] = UInt8(place + 1)
          broken.remove(UInt16(place))
          let number = UInt32(step) + 2
          let renewal =
            place == asked
            ? try Self.renewal(number, keys, only: place)
            : try Self.renewal(number, keys, broken: broken)
          #expect(ring.take(renewal) == .taken, "\(order) \(place)")
          #expect(Self.numbers(ring) == keys.filter { $0 != 0 }.sorted(), "\(order) \(place)")
          // The same again brings nothing.
          #expect(try ring.take(Self.renewal(number, keys, broken: broken)) == .refused)
        }
        // The anchor.
        #expect(try ring.take(Self.renewal(9, keys)) == .taken)
        #expect(try ring.take(Self.renewal(10, [7, 2, 3], broken: [0])) == .refused)
      }
    }
  }

  @Test("what mends a part is taken though something else broke, and that keeps its key")
  func mended() throws {
    var ring = try Self.ring([1, 2, 0], broken: [2])
    #expect(try ring.take(Self.renewal(2, [9, 2, 0], broken: [0, 2])) == .refused)
    #expect(try ring.take(Self.renewal(3, [9, 5, 3], broken: [0])) == .taken)
    ring.settled(.frontend, 3)
    ring.settled(.delivery, 3)
    #expect(Self.numbers(ring) == [1, 3, 5])
    // Nothing is lacking any more.
    #expect(try ring.take(Self.renewal(4, [9, 6, 3], broken: [0])) == .refused)
  }

  @Test(
    "the key beside a broken certificate is taken where there is none, and stays until both fit"
  )
  func besideBroken() throws {
    var ring = try Self.ring([1, 2, 0], broken: [0, 2])
    #expect(Self.numbers(ring) == [1, 2])
    #expect(try ring.take(Self.renewal(2, [8, 2, 3], broken: [0, 2])) == .taken)
    #expect(Self.numbers(ring) == [1, 2, 3])
    #expect(try ring.take(Self.renewal(3, [8, 2, 9], broken: [0, 2])) == .refused)
    #expect(try ring.take(Self.renewal(4, [8, 2, 9], broken: [2])) == .taken)
    #expect(Self.numbers(ring) == [1, 2, 3, 8])
  }

  @Test("one that is renewed before the first of all costs that one nothing")
  func oneFirst() throws {
    var ring = KeyRing()
    #expect(try ring.take(Self.renewal(2, [1, 0, 0], only: 0)) == .taken)
    #expect(try ring.take(Self.renewal(3, [1, 2, 0], broken: [2, 3])) == .taken)
    #expect(Self.numbers(ring) == [1, 2])
    #expect(try ring.take(Self.renewal(4, [1, 2, 3], broken: [3])) == .taken)
    #expect(Self.numbers(ring) == [1, 2, 3])
  }
}
