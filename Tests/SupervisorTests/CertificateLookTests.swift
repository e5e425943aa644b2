// SPDX-License-Identifier: ISC

import Interprocess
import Synchronization
import Testing

@testable import Supervisor

@Suite("Looks for what a pki lacks")
struct CertificateLookTests {
  private let fault = KeysReport.Fault("pki a", "no")

  @Test("a look hands over nothing while each file is what it was at the one before")
  func unchanged() throws {
    let facts = Mutex(CertificateSource.FileFacts())
    let readings = Mutex(0)
    let source = CertificateSource(
      read: { number in
        var package = CertificatePackage(generation: number)
        package.chains = ["a", "b"].map { .init(name: $0, content: [1]) }
        return package
      },
      openKeys: { _ in
        readings.withLock { $0 += 1 }
        return []
      },
      files: { [CertificateSource.FileFacts(), facts.withLock { $0 }] }
    )
    var desk = try CertificateDesk(source)
    var generation: UInt32 = 1
    /// Whether keys was handed something, of which it can use no more than before.
    func looks() throws -> Bool {
      let before = readings.withLock { $0 }
      try desk.look { _, _ in }
      guard readings.withLock({ $0 }) > before else { return false }
      generation += 1
      #expect(desk.checked(report(generation)) == .unchanged)
      return true
    }
    try desk.provide(.keys) { _, _ in }
    _ = desk.checked(report(1))
    #expect(desk.isLacking)
    #expect(try looks())
    for _ in 0..<3 { #expect(try !looks()) }
    let changes: [(inout CertificateSource.FileFacts) -> Void] = [
      { $0.device = 1 }, { $0.inode = 1 }, { $0.modified = 1 }, { $0.changed = 1 }, { $0.size = 1 },
    ]
    for change in changes {
      facts.withLock { change(&$0) }
      #expect(try looks())
      #expect(try !looks())
    }
    #expect(desk.hasToLook)
    // What was wrong for a while, of files that are as they were, is found a minute later.
    for _ in 0..<10 { #expect(try !looks()) }
    #expect(try looks())
    #expect(try !looks())
    // Other keys were never handed them by a look.
    try desk.renewForNewKeys { _, _ in }
    generation += 1
    _ = desk.checked(report(generation))
    #expect(try looks())
    #expect(try !looks())
    // Whoever asks for a renewal gets one.
    let before = readings.withLock { $0 }
    try desk.renew { _, _ in }
    #expect(readings.withLock { $0 } == before + 1)
  }

  @Test("a look that could hand over nothing is not the one before")
  func failed() throws {
    let isFailing = Mutex(true)
    let source = CertificateSource(
      read: { CertificatePackage(generation: $0) },
      openKeys: { _ throws(CertificateFault) in
        guard !isFailing.withLock({ $0 }) else { throw CertificateFault("no descriptors") }
        return []
      },
      files: { [CertificateSource.FileFacts()] }
    )
    var desk = try CertificateDesk(source)
    _ = desk.checked(report(1))
    #expect(throws: CertificateFault("no descriptors")) { try desk.look { _, _ in } }
    isFailing.withLock { $0 = false }
    var isHanded = false
    try desk.look { _, _ in isHanded = true }
    #expect(isHanded)
  }

  private func report(_ generation: UInt32) -> KeysReport {
    KeysReport(generation: generation, .refused, broken: [0], faults: [fault])
  }
}
