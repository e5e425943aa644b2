// SPDX-License-Identifier: ISC

import Interprocess
import KeysEdge
import NIOCore
import NIOEmbedded
import TLS
import Testing

@Suite("Keys that are held")
struct HeldKeysTests {
  private let loop = EmbeddedEventLoop()

  private static func name(_ byte: UInt8) throws -> KeyName {
    try #require(KeyName([UInt8](repeating: byte, count: KeyName.length)))
  }

  /// Has had two renewals, with the keys 1 and 2.
  private func renewed(
    _ users: CertificatePackage.Users
  ) throws -> HeldKeys<String> {
    let held = HeldKeys<String>(on: loop)
    for byte: UInt8 in 1...2 {
      let name = try Self.name(byte)
      let renewal = KeyRing.Renewal(
        generation: UInt32(byte),
        keys: [0: name],
        users: [users],
        broken: [],
        count: 1
      )
      #expect(held.take(renewal, [name: "key \(byte)"]) == .taken)
    }
    return held
  }

  private func present(_ held: HeldKeys<String>) throws -> [String] {
    try [1, 2].compactMap { held[try Self.name($0)] }
  }

  @Test("a former key is dropped by itself two minutes after the last role showed the new one")
  func former() throws {
    let held = try renewed([.listeners, .relays])
    loop.advanceTime(by: .hours(1))
    #expect(try present(held) == ["key 1", "key 2"])
    held.shows(2, .frontend)
    loop.advanceTime(by: .seconds(30))
    held.shows(2, .delivery)
    loop.advanceTime(by: .milliseconds(119_999))
    #expect(try present(held) == ["key 1", "key 2"])
    #expect(held.users(of: try Self.name(1)) == [.listeners, .relays])
    loop.advanceTime(by: .milliseconds(1))
    #expect(try present(held) == ["key 2"])
    #expect(held.users(of: try Self.name(1)) == [])
    #expect(held.users(of: try Self.name(2)) == [.listeners, .relays])
  }

  @Test(
    "whoever does not show the certificate is not waited for, and who shows the old one keeps its key"
  )
  func others() throws {
    let held = try renewed(.listeners)
    held.shows(2, .delivery)
    held.shows(1, .frontend)
    loop.advanceTime(by: .hours(1))
    #expect(try present(held) == ["key 1", "key 2"])
    held.shows(2, .frontend)
    loop.advanceTime(by: .seconds(120))
    #expect(try present(held) == ["key 2"])
  }

  @Test("a renewal that is refused brings no key and takes none")
  func refused() throws {
    let held = try renewed(.listeners)
    let name = try Self.name(3)
    let renewal = KeyRing.Renewal(
      generation: 3,
      keys: [0: name],
      users: [.listeners],
      broken: [0],
      count: 1
    )
    #expect(held.take(renewal, [name: "key 3"]) == .refused)
    #expect(held[name] == nil)
    #expect(try present(held) == ["key 1", "key 2"])
  }
}
