// SPDX-License-Identifier: ISC

extension Duration {
  /// Reads a positive whole number followed by exactly one of `s`, `m`, `h`, `d`; more than
  /// `Int32.max` seconds are cut to that.
  package init?(configuration text: String) {
    guard let unit = text.utf8.last, 2...20 ~= text.utf8.count else { return nil }
    let seconds: Int64
    switch unit {
    case UInt8(ascii: "s"): seconds = 1
    case UInt8(ascii: "m"): seconds = 60
    case UInt8(ascii: "h"): seconds = 3600
    case UInt8(ascii: "d"): seconds = 86400
    default: return nil
    }
    let digits = text.utf8.dropLast()
    guard digits.allSatisfy({ 0x30...0x39 ~= $0 }),
      let count = Int64(text.dropLast()), count > 0
    else { return nil }
    let (product, overflow) = count.multipliedReportingOverflow(by: seconds)
    self = .seconds(overflow ? Int64(Int32.max) : min(product, Int64(Int32.max)))
  }
}

/// Numbers of bytes as they are written: `35M`, `1.5G`, `4096`.
enum ByteSize {
  /// The most that may be written.
  static let max = 1 << 50

  /// Powers of 1024 by the suffixes B, K, M, G, T in either case; a fraction is rounded down.
  static func parse(_ text: String) -> Int? {
    var body = Array(text.utf8)
    guard 1...24 ~= body.count, let last = body.last else { return nil }
    var shift = 0
    if let unit = Array("bkmgt".utf8).firstIndex(of: last | 0x20) {
      shift = 10 * unit
      body.removeLast()
    }
    let parts = body.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard 1...2 ~= parts.count, !parts[0].isEmpty, let whole = digits(parts[0]),
      whole <= max >> shift
    else { return nil }
    guard parts.count == 2 else { return whole << shift }
    guard 1...6 ~= parts[1].count, let fraction = digits(parts[1]) else { return nil }
    let scale = parts[1].reduce(1) { scale, _ in scale * 10 }
    return (whole << shift) + (fraction << shift) / scale
  }

  private static func digits(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
    return Int(String(decoding: bytes, as: UTF8.self))
  }
}
