// SPDX-License-Identifier: ISC

import Configuration
import Policy

/// Any bytes as a map of makemap: what can be looked up and read is, and all else is a fault.
enum MapInput {
  static func run(_ bytes: [UInt8]) {
    let map = try? MapFile { offset, count in
      guard offset <= UInt64(bytes.count), count <= bytes.count - Int(offset) else { return nil }
      return Array(bytes[Int(offset)..<Int(offset) + count])
    }
    guard let map else { return }
    for key in ["a", "postmaster", "zz", ""] { _ = try? map.value(of: key) }
    guard let entries = try? map.entries() else { return }
    for pair in entries.prefix(16) { _ = try? map.value(of: pair.key) }
  }
}
