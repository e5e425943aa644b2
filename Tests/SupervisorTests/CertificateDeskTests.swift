// SPDX-License-Identifier: ISC

import Glibc
import Interprocess
import Testing

@testable import Supervisor

@Suite("The desk of certificates")
struct CertificateDeskTests {
  /// Each content is the number of the renewal.
  private static let source = CertificateSource(
    read: { number in
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
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [2, 2, 2])
  }

  @Test("one that is refused changes nothing")
  func refused() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renew(Self.nowhere)
    let report = KeysReport(generation: 2, .refused, broken: [0], faults: [.init("pki a", "no")])
    #expect(desk.checked(report) == .refused(["pki a: no"]))
    #expect(try current(desk) == [1, 1, 1])
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .unchanged)
    #expect(try current(desk) == [1, 1, 1])
  }

  @Test("of renewals close behind each other the last one counts that keys took")
  func several() throws {
    var desk = try CertificateDesk(Self.source)
    for _ in 2...4 { try desk.renew(Self.nowhere) }
    #expect(desk.checked(KeysReport(generation: 1, .taken)) == .unchanged)
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [2, 2, 2])
    #expect(desk.checked(KeysReport(generation: 3, .taken)) == .accepted(but: []))
    #expect(
      desk.checked(KeysReport(generation: 4, .refused, faults: [.init("pki a", "no")]))
        == .refused(["pki a: no"])
    )
    #expect(try current(desk) == [3, 3, 3])
  }

  @Test("what is broken of a renewal that is taken stays what it was")
  func inPart() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renew(Self.nowhere)
    var report = KeysReport(generation: 2, .taken, broken: [1], faults: [.init("pki b", "no")])
    #expect(desk.checked(report) == .accepted(but: ["pki b: no"]))
    #expect(try current(desk) == [2, 1, 2])
    try desk.renew(Self.nowhere)
    report = KeysReport(generation: 3, .taken, broken: [1, 2], faults: [.init("pki b", "no")])
    #expect(desk.checked(report) == .accepted(but: ["pki b: no"]))
    #expect(try current(desk) == [3, 1, 2])
  }

  @Test("a renewal of one changes that one, also behind one of all that keys took meanwhile")
  func one() throws {
    var desk = try CertificateDesk(Self.source)
    var places: [UInt16] = []
    func note(_ message: SupervisorToRole, _ descriptors: [CInt]) {
      if case .certificatesOfOne(let place) = message { places.append(place) }
    }
    try desk.renew(only: "b", note)
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [1, 2, 1])
    try desk.renew(Self.nowhere)
    try desk.renew(only: "a", note)
    #expect(places == [1, 0])
    #expect(desk.checked(KeysReport(generation: 3, .taken)) == .accepted(but: []))
    #expect(desk.checked(KeysReport(generation: 4, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [4, 3, 3])
    try desk.renew(only: "a", note)
    let report = KeysReport(generation: 5, .refused, broken: [0], faults: [.init("pki a", "no")])
    #expect(desk.checked(report) == .refused(["pki a: no"]))
    #expect(try current(desk) == [4, 3, 3])
    #expect(throws: CertificateFault("there is no pki x")) { try desk.renew(only: "x", note) }
  }

  @Test("what is lacking is looked for though another one is renewed")
  func oneBesideLacking() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renewForNewKeys(Self.nowhere)
    let fault = KeysReport.Fault("pki b", "no")
    let report = KeysReport(generation: 2, .taken, broken: [1], faults: [fault])
    #expect(desk.checked(report) == .accepted(but: ["pki b: no"]))
    try desk.renew(only: "a", Self.nowhere)
    #expect(desk.checked(KeysReport(generation: 3, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [3, 1, 2])
    #expect(desk.isLacking)
  }

  @Test("keys has so many renewals to look at and no more, whether it lives or not")
  func bounded() throws {
    var desk = try CertificateDesk(Self.source)
    for _ in 0..<CertificateDesk.Limits.renewals { try desk.renew(Self.nowhere) }
    #expect(throws: CertificateFault.self) { try desk.renew(Self.nowhere) }
    try desk.renewForNewKeys(Self.nowhere)
    let last = UInt32(CertificateDesk.Limits.renewals) + 2
    // Of another keys role.
    #expect(desk.checked(KeysReport(generation: last - 1, .taken)) == .unchanged)
    #expect(desk.checked(KeysReport(generation: last, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [UInt8](repeating: UInt8(last), count: 3))
  }

  @Test("a file that cannot be read refuses the first of all, and is told to keys afterwards")
  func absent() throws {
    let source = CertificateSource(
      read: { number in
        var package = Self.source.read(number)
        if number > 1 { package.chains[0].fault = "a.crt" }
        return package
      },
      openKeys: { package in
        package.chains[1].keyFault = "b.key"
        return [dup(STDIN_FILENO)]
      }
    )
    var desk = try CertificateDesk(source)
    var told: [[String]] = []
    try desk.renew { message, descriptors in
      guard case .certificates = message, let bytes = SealedFile.read(dup(descriptors[0])) else {
        return
      }
      let package = try? CertificatePackage(decoding: bytes)
      told.append(package?.chains.flatMap { [$0.fault, $0.keyFault] } ?? [])
    }
    #expect(told == [["a.crt", "", "", "b.key"]])
    let broken = CertificateSource(read: { _ in source.read(2) }, openKeys: source.openKeys)
    #expect(throws: CertificateFault("a.crt")) { try CertificateDesk(broken) }
  }

  @Test(
    "what is lacking once keys was started anew is looked for until it is there, and nothing is said meanwhile"
  )
  func looks() throws {
    var desk = try CertificateDesk(Self.source)
    var handed: [UInt8] = []
    func look() throws {
      handed = []
      try desk.look { handed = Self.contents($1) }
    }
    try look()
    #expect(handed == [] && !desk.isLacking)
    try desk.renewForNewKeys(Self.nowhere)
    let fault = KeysReport.Fault("pki b", "no")
    let early = KeysReport(generation: 2, .taken, broken: [1], faults: [fault])
    #expect(desk.checked(early) == .accepted(but: ["pki b: no"]))
    #expect(desk.isLacking)
    try look()
    #expect(handed == [3, 3, 3])
    // Keys has not told of it.
    try look()
    #expect(handed == [])
    let same = KeysReport(generation: 3, .refused, broken: [1], faults: [fault])
    #expect(desk.checked(same) == .unchanged)
    #expect(try current(desk) == [2, 1, 2])
    try desk.renew(Self.nowhere)
    let asked = KeysReport(generation: 4, .refused, broken: [1], faults: [fault])
    #expect(desk.checked(asked) == .refused(["pki b: no"]))
    #expect(desk.isLacking)
    try look()
    #expect(handed == [5, 5, 5])
    #expect(desk.checked(KeysReport(generation: 5, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [5, 5, 5])
    #expect(!desk.isLacking)
    try look()
    #expect(handed == [])
  }

  @Test("keys that was started anew and can use nothing lacks all")
  func nothing() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renewForNewKeys(Self.nowhere)
    let fault = KeysReport.Fault("pki a", "no")
    let report = KeysReport(generation: 2, .refused, broken: [0, 1], faults: [fault])
    #expect(desk.checked(report) == .refused(["pki a: no"]))
    #expect(desk.isLacking)
  }
}
