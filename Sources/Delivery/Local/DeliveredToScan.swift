// SPDX-License-Identifier: ISC

package import Mail

/// Looks through a message's header section, as it comes in, for a Delivered-To of addresses that it is
/// for: such a message was delivered there before, and comes in a loop. Pure.
package struct DeliveredToScan: Sendable {
  package enum Verdict: Hashable, Sendable {
    case undecided
    /// For one of the addresses at least.
    case clear
    /// For all of them.
    case loop
  }

  package enum Limits {
    /// Bytes of a header section that are looked at.
    package static let header = 64 * 1024
    /// Bytes of a line that are looked at: an address fits.
    package static let line = 1024
  }

  private static let name = Array("delivered-to:".utf8)

  package private(set) var verdict = Verdict.undecided
  private let addresses: Set<[UInt8]>
  private var looping: Set<[UInt8]> = []
  private var line: [UInt8] = []
  private var seen = 0

  package init(_ address: Address) { self.init([address]) }

  package init(_ addresses: [Address]) { self.addresses = Set(addresses.map(Self.bytes)) }

  private static func bytes(_ address: Address) -> [UInt8] {
    Array(address.description.lowercased().utf8)
  }

  /// Whether the message was delivered to this one before.
  package func isLooping(_ address: Address) -> Bool { looping.contains(Self.bytes(address)) }

  /// The next bytes of the message; LF and CRLF both end a line.
  package mutating func read(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      guard verdict == .undecided else { return }
      seen += 1
      if byte == UInt8(ascii: "\n") {
        endLine()
      } else if line.count < Limits.line {
        line.append(byte)
      }
      if seen >= Limits.header, verdict == .undecided { verdict = .clear }
    }
  }

  /// There are no more bytes.
  package mutating func ended() {
    guard verdict == .undecided else { return }
    endLine()
    if verdict == .undecided { verdict = .clear }
  }

  private mutating func endLine() {
    defer { line.removeAll(keepingCapacity: true) }
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    guard !line.isEmpty else {
      verdict = .clear
      return
    }
    let lower = line.map { 0x41...0x5a ~= $0 ? $0 | 0x20 : $0 }
    guard lower.starts(with: Self.name) else { return }
    var value = lower[Self.name.count...]
    while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
    while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
    if value.first == UInt8(ascii: "<"), value.last == UInt8(ascii: ">"), value.count >= 2 {
      value = value.dropFirst().dropLast()
    }
    guard addresses.contains(Array(value)) else { return }
    looping.insert(Array(value))
    if looping == addresses { verdict = .loop }
  }
}
