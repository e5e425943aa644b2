// SPDX-License-Identifier: ISC

internal import Mail

/// Version 1: `PROXY TCP4|TCP6 SOURCE DESTINATION PORT PORT`, or `PROXY UNKNOWN` and anything.
enum ProxyLine {
  static let start = Array("PROXY ".utf8)

  /// See `ProxyHeaderReader.read`.
  static func read(
    _ bytes: [UInt8]
  ) throws(ProxyHeader.Fault) -> (ProxyHeader, length: Int)? {
    let line = bytes.prefix(ProxyHeader.Limits.line)
    guard let end = line.firstIndex(of: 0x0a) else {
      guard bytes.count < ProxyHeader.Limits.line else { throw .lineTooLong }
      return nil
    }
    guard end > 0, line[end - 1] == 0x0d else { throw .malformedLine }
    let words = line[..<(end - 1)].split(separator: 0x20, omittingEmptySubsequences: false)
    guard let header = header(in: words) else { throw .malformedLine }
    return (header, end + 1)
  }

  private static func header(in words: [ArraySlice<UInt8>]) -> ProxyHeader? {
    guard words.count >= 2 else { return nil }
    let family = words[1]
    if family.elementsEqual("UNKNOWN".utf8) { return .own }
    guard words.count == 6, isPort(words[4]), isPort(words[5]),
      let source = address(words[2]), let destination = address(words[3])
    else { return nil }
    switch (source, destination) {
    case (.inet4, .inet4) where family.elementsEqual("TCP4".utf8): break
    case (.inet6, .inet6) where family.elementsEqual("TCP6".utf8): break
    default: return nil
    }
    return .forwarded(source: source.unmapped, destination: destination.unmapped)
  }

  private static func address(_ word: ArraySlice<UInt8>) -> IPAddress? {
    IPAddress(parsing: String(decoding: word, as: UTF8.self))
  }

  /// A decimal number of 16 bits, without leading zeros.
  private static func isPort(_ word: ArraySlice<UInt8>) -> Bool {
    guard 1...5 ~= word.count, word.count == 1 || word.first != 0x30 else { return false }
    var number = 0
    for byte in word {
      guard 0x30...0x39 ~= byte else { return false }
      number = number * 10 + Int(byte - 0x30)
    }
    return number <= 65_535
  }
}
