// SPDX-License-Identifier: ISC

internal import Mail

/// Version 2: a signature, a byte each of version with command and of family with transport, the length of
/// what follows in two bytes, then addresses and extensions.
enum ProxyBlock {
  /// CRLF CRLF NUL CRLF QUIT LF: what no SMTP or TLS begins with.
  static let signature: [UInt8] = [
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
  ]
  private static let head = 16

  /// See `ProxyHeaderReader.read`.
  static func read(
    _ bytes: [UInt8]
  ) throws(ProxyHeader.Fault) -> (ProxyHeader, length: Int)? {
    guard bytes.count > 12 else { return nil }
    let (version, command) = (bytes[12] >> 4, bytes[12] & 15)
    guard version == 2 else { throw .version(version) }
    guard command <= 1 else { throw .command(command) }
    guard bytes.count >= head else { return nil }
    let length = Int(bytes[14]) << 8 | Int(bytes[15])
    guard length <= ProxyHeader.Limits.payload else { throw .tooLong(length) }
    // LOCAL: whatever else is there means nothing.
    let shape = command == 0 ? .none : try shape(of: bytes[13])
    guard length >= shape.length else { throw .tooShort(length) }
    guard bytes.count >= head + length else { return nil }
    let payload = bytes[head..<(head + length)]
    if shape != .none {
      try check(bytes[..<(head + length)], extensionsFrom: head + shape.length)
    }
    return (header(shape, payload), head + length)
  }

  /// What addresses there are.
  private enum Shape {
    /// None, or none that are looked at.
    case none
    case inet4
    case inet6
    case unix

    var length: Int {
      switch self {
      case .none: 0
      case .inet4: 2 * 4 + 2 * 2
      case .inet6: 2 * 16 + 2 * 2
      case .unix: 2 * 108
      }
    }
  }

  private static func shape(of family: UInt8) throws(ProxyHeader.Fault) -> Shape {
    switch family {
    case 0x00...0x02: .none
    case 0x11: .inet4
    case 0x21: .inet6
    case 0x31: .unix
    default: throw .family(family)
    }
  }

  private static func header(_ shape: Shape, _ payload: ArraySlice<UInt8>) -> ProxyHeader {
    let start = payload.startIndex
    func number(_ offset: Int, _ count: Int) -> UInt64 {
      payload[(start + offset)..<(start + offset + count)].reduce(0) { $0 << 8 | UInt64($1) }
    }
    switch shape {
    case .none, .unix: return .own
    case .inet4:
      return .forwarded(
        source: .inet4(UInt32(number(0, 4))),
        destination: .inet4(UInt32(number(4, 4)))
      )
    case .inet6:
      return .forwarded(
        source: IPAddress.inet6(number(0, 8), number(8, 8)).unmapped,
        destination: IPAddress.inet6(number(16, 8), number(24, 8)).unmapped
      )
    }
  }

  /// The extension that has the CRC-32C of the whole header, made with zeros in its own place.
  private static let checksumKind: UInt8 = 0x03

  /// Extensions are a byte of type, two of length, and so many more; none but the checksum is of use here.
  private static func check(
    _ block: ArraySlice<UInt8>,
    extensionsFrom start: Int
  ) throws(ProxyHeader.Fault) {
    var place = start
    var checksum: Range<Int>?
    while place < block.endIndex {
      guard block.endIndex - place >= 3 else { throw .malformedExtension }
      let length = Int(block[place + 1]) << 8 | Int(block[place + 2])
      let value = (place + 3)..<(place + 3 + length)
      guard value.upperBound <= block.endIndex else { throw .malformedExtension }
      if block[place] == checksumKind {
        guard checksum == nil, length == 4 else { throw .checksum }
        checksum = value
      }
      place = value.upperBound
    }
    guard let checksum else { return }
    let told = block[checksum].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    var zeroed = Array(block)
    for index in checksum { zeroed[index - block.startIndex] = 0 }
    guard Checksum.of(zeroed) == told else { throw .checksum }
  }
}
