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
    openKeys: { [] }
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
    #expect(desk.checked(2, fault: "") == .accepted)
    #expect(try current(desk) == 2)
  }

  @Test("one that is refused changes nothing")
  func refused() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renew()
    #expect(desk.checked(2, fault: "no") == .refused("no"))
    #expect(try current(desk) == 1)
    #expect(desk.checked(2, fault: "") == .unchanged)
    #expect(try current(desk) == 1)
  }

  @Test("the answer of a keys role that was started anew is no renewal")
  func unchanged() throws {
    var desk = try CertificateDesk(Self.source)
    #expect(desk.checked(1, fault: "") == .unchanged)
    try desk.renew()
    try desk.renew()
    #expect(desk.checked(2, fault: "") == .unchanged)
    #expect(try current(desk) == 1)
    #expect(desk.checked(3, fault: "") == .accepted)
  }
}
