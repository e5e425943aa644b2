// SPDX-License-Identifier: ISC

internal import Mail

/// What keys says of a package of certificates and of the key files beside it.
package struct KeysReport: Equatable, Sendable {
  /// Whether keys signs with what it was handed.
  package enum Verdict: UInt8, Sendable {
    /// Those before them stay.
    case refused = 0
    case taken = 1
  }

  /// Of the package.
  package var generation: UInt32
  package var verdict: Verdict
  /// What is of no use: places in the package, of which chains have the first and anchors those behind.
  package var broken: [UInt16]
  /// The first thing that is wrong, in the operator's words; empty: nothing is.
  package var fault: String

  /// Says all of it.
  package init(generation: UInt32, _ verdict: Verdict, broken: [UInt16] = [], fault: String = "") {
    self.generation = generation
    self.verdict = verdict
    self.broken = broken
    self.fault = fault
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(generation)
    writer.write(verdict.rawValue)
    writer.writeVariable(UInt64(broken.count))
    for place in broken { writer.write(place) }
    writer.write(clipped: fault)
  }

  init(decoding reader: inout ByteReader) throws(DecodingError) {
    generation = try reader.readInteger()
    guard let verdict = Verdict(rawValue: try reader.readByte()) else {
      throw .invalid(field: "verdict")
    }
    self.verdict = verdict
    broken = []
    // Chains and anchors.
    let most = 2 * CertificatePackage.Limits.entries
    for _ in 0..<(try reader.readCount(of: "places", atMost: most)) {
      broken.append(try reader.readInteger())
    }
    fault = try reader.readString(of: "fault", atMost: EdgeLimits.text)
  }
}
