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
  /// All that is wrong, as far as there is room for it in a message.
  package private(set) var faults: [Fault]
  /// How many faults there was no room for.
  package private(set) var omitted: UInt32

  /// Something that is wrong.
  package struct Fault: Equatable, Sendable {
    /// `pki` or `ca`, and its name.
    package var name: String
    /// In the operator's words.
    package var reason: String
    /// Where it is; empty when the reason says so.
    package var files: [String]

    /// Says all of it.
    package init(_ name: String, _ reason: String, in files: [String] = []) {
      (self.name, self.reason, self.files) = (name, reason, files)
    }

    fileprivate var size: Int {
      files.reduce(name.utf8.count + reason.utf8.count) { $0 + $1.utf8.count }
    }
  }

  /// What bounds a report.
  package enum Limits {
    /// Of the texts of all faults, in bytes.
    package static let faults = 32 << 10
    /// Files of a fault.
    static let files = 2
  }

  /// Says all of it.
  package init(
    generation: UInt32,
    _ verdict: Verdict,
    broken: [UInt16] = [],
    faults: [Fault] = []
  ) {
    self.generation = generation
    self.verdict = verdict
    self.broken = broken
    var room = Limits.faults
    let told = faults.prefix { fault in
      room -= fault.size
      return room >= 0
    }
    self.faults = Array(told)
    omitted = UInt32(faults.count - told.count)
  }

  /// A line for each fault.
  package var lines: [String] {
    faults.map(\.description) + (omitted > 0 ? ["\(omitted) more"] : [])
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(generation)
    writer.write(verdict.rawValue)
    writer.writeVariable(UInt64(broken.count))
    for place in broken { writer.write(place) }
    writer.writeVariable(UInt64(faults.count))
    for fault in faults {
      writer.write(clipped: fault.name)
      writer.write(clipped: fault.reason)
      writer.writeVariable(UInt64(fault.files.count))
      for file in fault.files { writer.write(clipped: file) }
    }
    writer.write(omitted)
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
    faults = []
    for _ in 0..<(try reader.readCount(of: "faults", atMost: most)) {
      var fault = Fault(
        try reader.readString(of: "name", atMost: EdgeLimits.text),
        try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
      for _ in 0..<(try reader.readCount(of: "files", atMost: Limits.files)) {
        fault.files.append(try reader.readString(of: "file", atMost: EdgeLimits.text))
      }
      faults.append(fault)
    }
    omitted = try reader.readInteger()
  }
}

extension KeysReport.Fault: CustomStringConvertible {
  /// For the operator.
  package var description: String {
    "\(name): \(reason)" + (files.isEmpty ? "" : " (\(files.joined(separator: ", ")))")
  }
}
