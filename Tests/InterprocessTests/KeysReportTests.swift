// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Interprocess

@Suite("What keys tells of certificates")
struct KeysReportTests {
  @Test("each fault is a line with its name and its files")
  func lines() {
    let report = KeysReport(
      generation: 1,
      .refused,
      broken: [0, 1],
      faults: [
        .init("pki a", "does not match", in: ["/a.key", "/a.crt"]),
        .init("ca b", "/b.crt: No such file"),
      ]
    )
    #expect(
      report.lines == ["pki a: does not match (/a.key, /a.crt)", "ca b: /b.crt: No such file"]
    )
  }

  @Test("it fits into a message however much is wrong, and says how much it leaves out")
  func bounded() throws {
    let name = String(repeating: "n", count: 1000)
    let most = 2 * CertificatePackage.Limits.entries
    let faults = (0..<most).map { KeysReport.Fault("pki \($0) \(name)", "f", in: ["/\($0)"]) }
    let report = KeysReport(
      generation: 1,
      .refused,
      broken: (0..<most).map { UInt16($0) },
      faults: faults
    )
    #expect(report.faults.count > 20 && report.faults == Array(faults[..<report.faults.count]))
    #expect(report.lines.last == "\(most - report.faults.count) more")
    var writer = ByteWriter()
    RoleToSupervisor.keysChecked(report).encode(into: &writer)
    let bytes = writer.finish()
    #expect(bytes.count <= SupervisorChannel.messageMax)
    var reader = ByteReader(bytes)
    guard case .keysChecked(let again) = try RoleToSupervisor(decoding: &reader) else {
      Issue.record("another message")
      return
    }
    #expect(again == report)
  }
}
