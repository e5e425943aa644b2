// SPDX-License-Identifier: ISC

import Glibc
import Interprocess
import Testing

@testable import Supervisor

@Suite("The desk of certificates")
struct CertificateDeskTests {
  /// Each content is the number of the renewal.
  private static let source = CertificateSource(
    read: { number, _ in
      var result = CertificatePackage(generation: number)
      result.chains = ["a", "b"].map { .init(name: $0, content: [UInt8(number)]) }
      result.anchors = [.init(name: "c", content: [UInt8(number)])]
      return result
    },
    openKeys: { _ in [] }
  )

  /// What frontend would be handed.
  private func current(_ desk: CertificateDesk) throws -> [UInt8] {
    var contents: [UInt8] = []
    try desk.hand(to: .frontend) { message, descriptors in
      guard case .certificates = message else {
        Issue.record("\(message)")
        return
      }
      contents = Self.contents(descriptors)
    }
    return contents
  }

  private static func contents(_ descriptors: [CInt]) -> [UInt8] {
    // The desk closes its own; reading takes one over.
    guard let bytes = SealedFile.read(dup(descriptors[0])),
      let package = try? CertificatePackage(decoding: bytes)
    else { return [] }
    return (package.chains + package.anchors).flatMap(\.content)
  }

  private static func nowhere(_: SupervisorToRole, _: [CInt]) {}

  @Test("a renewal counts when keys says that it is good, and not before")
  func accepted() throws {
    var desk = try CertificateDesk(Self.source)
    var handed: [UInt8] = []
    try desk.renew { handed = Self.contents($1) }
    #expect(handed == [2, 2, 2])
    #expect(try current(desk) == [1, 1, 1])
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .accepted(but: ""))
    #expect(try current(desk) == [2, 2, 2])
  }

  @Test("one that is refused changes nothing")
  func refused() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renew(Self.nowhere)
    let report = KeysReport(generation: 2, .refused, broken: [0], fault: "no")
    #expect(desk.checked(report) == .refused("no"))
    #expect(try current(desk) == [1, 1, 1])
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .unchanged)
    #expect(try current(desk) == [1, 1, 1])
  }

  @Test("of renewals close behind each other the last one counts that keys took")
  func several() throws {
    var desk = try CertificateDesk(Self.source)
    for _ in 2...4 { try desk.renew(Self.nowhere) }
    #expect(desk.checked(KeysReport(generation: 1, .taken)) == .unchanged)
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .accepted(but: ""))
    #expect(try current(desk) == [2, 2, 2])
    #expect(desk.checked(KeysReport(generation: 3, .taken)) == .accepted(but: ""))
    #expect(desk.checked(KeysReport(generation: 4, .refused, fault: "no")) == .refused("no"))
    #expect(try current(desk) == [3, 3, 3])
  }

  @Test("what is broken of a renewal that is taken stays what it was")
  func inPart() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renew(Self.nowhere)
    var report = KeysReport(generation: 2, .taken, broken: [1], fault: "pki b")
    #expect(desk.checked(report) == .accepted(but: "pki b"))
    #expect(try current(desk) == [2, 1, 2])
    try desk.renew(Self.nowhere)
    report = KeysReport(generation: 3, .taken, broken: [1, 2], fault: "pki b")
    #expect(desk.checked(report) == .accepted(but: "pki b"))
    #expect(try current(desk) == [3, 1, 2])
  }

  @Test("keys has so many renewals to look at and no more, whether it lives or not")
  func bounded() throws {
    var desk = try CertificateDesk(Self.source)
    for _ in 0..<CertificateDesk.Limits.renewals { try desk.renew(Self.nowhere) }
    #expect(throws: CertificateFault.self) { try desk.renew(Self.nowhere) }
    try desk.renewForNewKeys({ _ in }, Self.nowhere)
    let last = UInt32(CertificateDesk.Limits.renewals) + 2
    // Of another keys role.
    #expect(desk.checked(KeysReport(generation: last - 1, .taken)) == .unchanged)
    #expect(desk.checked(KeysReport(generation: last, .taken)) == .accepted(but: ""))
    #expect(try current(desk) == [UInt8](repeating: UInt8(last), count: 3))
  }

  @Test("a file that is absent refuses all, or is told; what is refused is no renewal")
  func absent() throws {
    let source = CertificateSource(
      read: { (number, absent) throws(CertificateFault) in
        if number > 1 { try absent(CertificateFault("a.crt")) }
        return try Self.source.read(number, absent)
      },
      openKeys: { (absent) throws(CertificateFault) in
        try absent(CertificateFault("a.key"))
        return [dup(STDIN_FILENO)]
      }
    )
    var desk = try CertificateDesk(source)
    var sent = 0
    #expect(throws: CertificateFault("a.key")) { try desk.hand(to: .keys) { _, _ in sent += 1 } }
    for _ in 0...CertificateDesk.Limits.renewals {
      #expect(throws: CertificateFault("a.crt")) { try desk.renew { _, _ in sent += 1 } }
    }
    #expect(sent == 0)
    var told: [CertificateFault] = []
    try desk.hand(to: .keys, { told.append($0) }, { _, _ in sent += 1 })
    #expect(told == [CertificateFault("a.key")])
    #expect(sent == 2)
    try desk.renewForNewKeys({ told.append($0) }, { _, _ in sent += 1 })
    #expect(told == ["a.key", "a.crt", "a.key"].map { CertificateFault($0) })
    #expect(sent == 4)
  }
}
