// SPDX-License-Identifier: ISC

import Sandbox
import Testing

@Suite("Landlock is told what its version knows")
struct LandlockRulesTests {
  typealias Access = LandlockRules.Access

  private let queue = Confinement(
    name: "queue",
    promises: [.stdio, .rpath, .wpath, .cpath],
    directories: ["/spool"]
  )

  @Test("each version handles its own kinds of access", arguments: 1...8)
  func versions(version: Int) {
    let rules = LandlockRules(queue, version: version)
    #expect((rules.files & Access.refer != 0) == (version >= 2))
    #expect((rules.files & Access.truncate != 0) == (version >= 3))
    #expect((rules.network != 0) == (version >= 4))
    #expect((rules.files & Access.deviceControl != 0) == (version >= 5))
    #expect((rules.scoped != 0) == (version >= 6))
    #expect(rules.granted & ~rules.files == 0)
    #expect(rules.granted & (Access.execute | Access.deviceControl | Access.makeSocket) == 0)
    #expect(rules.directories == (version >= 2 ? ["/spool"] : []))
  }

  @Test("the first version, which knows no renames, leaves who makes files alone, and holds others")
  func first() {
    let makers = LandlockRules(queue, version: 1)
    #expect(makers.files | makers.network | makers.scoped == 0)
    let others = Confinement(name: "x", promises: [.stdio, .rpath], directories: ["/"])
    #expect(LandlockRules(others, version: 1).files == 0x1fff)
    #expect(LandlockRules(others, version: 1).directories == ["/"])
  }

  @Test("who promises no files has no directory")
  func noFiles() {
    let rules = LandlockRules(
      Confinement(name: "x", promises: [.stdio, .inet], directories: ["/spool"]),
      version: 7
    )
    #expect(rules.granted == 0)
    #expect(rules.directories == [])
  }

  @Test("ports are granted one by one, or left alone, or refused altogether")
  func ports() {
    let any = LandlockRules(Confinement(name: "x", promises: [.inet]), version: 4)
    #expect(any.network == Access.bindTCP)
    #expect(any.ports == [.init(number: 0, access: Access.bindTCP)])
    let some = LandlockRules(
      Confinement(name: "x", promises: [.dns], ports: [5353, 53, 53]),
      version: 4
    )
    #expect(some.network == Access.bindTCP | Access.connectTCP)
    #expect(
      some.ports == [
        .init(number: 0, access: Access.bindTCP),
        .init(number: 53, access: Access.connectTCP),
        .init(number: 5353, access: Access.connectTCP),
      ]
    )
    let none = LandlockRules(Confinement(name: "x", promises: [.accept]), version: 4)
    #expect(none.network == Access.bindTCP | Access.connectTCP)
    #expect(none.ports == [])
  }

  @Test("what a kernel lacks is told in one line")
  func warnings() {
    for version in 6...8 {
      #expect(KernelSupport(filtersCalls: true, landlock: version).warning == nil)
    }
    let ends = "signals and abstract sockets; the rest of it holds"
    for (versions, lacked) in [
      (1...1, "the queue's files, truncation, TCP, device ioctls, \(ends)"),
      (2...2, "truncation, TCP, device ioctls, \(ends)"), (3...3, "TCP, device ioctls, \(ends)"),
      (4...4, "device ioctls, \(ends)"), (5...5, ends),
    ] {
      for version in versions {
        #expect(
          KernelSupport(filtersCalls: true, landlock: version).warning
            == "the sandbox lacks Landlock's rules for \(lacked)",
          "\(version)"
        )
      }
    }
    let bare = KernelSupport(filtersCalls: false, landlock: 0).warning
    #expect(bare?.hasSuffix("Landlock (files, network, signals); the rest of it holds") == true)
    #expect(bare?.contains("seccomp") == true)
  }
}
