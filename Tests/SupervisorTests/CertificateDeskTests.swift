// SPDX-License-Identifier: ISC

import Glibc
import Interprocess
import Testing

@testable import Supervisor

@Suite("The desk of certificates")
struct CertificateDeskTests {
  private static let source = CertificateSource(
    read: { number in
      var result = CertificatePackage(generation: number)
      result.chains = [.init(name: "a", content: [UInt8(number)])]
      return result
    },
    openKeys: { _ in [] }
  )

  /// The generation that frontend would be handed.
  private func current(_ desk: CertificateDesk) throws -> UInt32? {
    var generation: UInt32?
    try desk.hand(.current, to: .frontend) { message, descriptors in
      guard case .certificates = message else {
        Issue.record("\(message)")
        return
      }
      // The desk closes its own; reading takes one over.
      guard let bytes = SealedFile.read(dup(descriptors[0])) else { return }
      generation = try? CertificatePackage(decoding: bytes).generation
    }
    return generation
  }

  @Test("a renewal counts when keys says that it is good, and not before")
  func accepted() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renew()
    #expect(try current(desk) == 1)
    #expect(desk.checked(2, .taken, fault: "") == .accepted(but: ""))
    #expect(try current(desk) == 2)
  }

  @Test("one that is refused changes nothing")
  func refused() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renew()
    #expect(desk.checked(2, .refused, fault: "no") == .refused("no"))
    #expect(try current(desk) == 1)
    #expect(desk.checked(2, .taken, fault: "") == .unchanged)
    #expect(try current(desk) == 1)
  }

  @Test("the answer of a keys role that was started anew is no renewal")
  func unchanged() throws {
    var desk = try CertificateDesk(Self.source)
    #expect(desk.checked(1, .taken, fault: "") == .unchanged)
    try desk.renew()
    try desk.renew()
    #expect(desk.checked(2, .taken, fault: "") == .unchanged)
    #expect(try current(desk) == 1)
    #expect(desk.checked(3, .taken, fault: "") == .accepted(but: ""))
  }

  @Test("what a keys role without keys takes counts, though a part of it is of no use")
  func inPart() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renew()
    #expect(desk.checked(2, .taken, fault: "pki b") == .accepted(but: "pki b"))
    #expect(try current(desk) == 2)
  }

  @Test("a key's file that cannot be opened refuses all, or is told")
  func absent() throws {
    let source = CertificateSource(read: Self.source.read) { (absent) throws(CertificateFault) in
      try absent(CertificateFault("a.key"))
      return [dup(STDIN_FILENO)]
    }
    let desk = try CertificateDesk(source)
    var sent = 0
    #expect(throws: CertificateFault("a.key")) {
      try desk.hand(.current, to: .keys) { _, _ in sent += 1 }
    }
    #expect(sent == 0)
    var told: [CertificateFault] = []
    try desk.hand(.current, to: .keys, absent: { told.append($0) }) { _, _ in sent += 1 }
    #expect(told == [CertificateFault("a.key")])
    #expect(sent == 2)
  }
}
