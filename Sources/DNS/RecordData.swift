// SPDX-License-Identifier: ISC

import Mail

/// Reads the data of resource records as libunbound hands them over: uncompressed, hostile.
enum RecordData {
  /// RFC 1035 section 3.3.9. Nil when it is damaged or names what cannot be a host.
  static func mailExchanger(_ data: [UInt8]) -> MailExchangerRecord? {
    guard data.count >= 3, let name = name(data[2...]) else { return nil }
    let preference = UInt16(data[0]) << 8 | UInt16(data[1])
    if name.isEmpty { return MailExchangerRecord(preference: preference, exchange: nil) }
    guard let exchange = DomainName(name) else { return nil }
    return MailExchangerRecord(preference: preference, exchange: exchange)
  }

  static func domainName(_ data: [UInt8]) -> DomainName? {
    name(data[...]).flatMap { DomainName($0) }
  }

  /// The name with dots between its labels; empty for the root. A label with a dot, a byte that is not
  /// printable, a compression pointer or bytes behind the root label are damage.
  private static func name(_ data: ArraySlice<UInt8>) -> String? {
    var text: [UInt8] = []
    var rest = data
    while let length = rest.popFirst() {
      guard length > 0 else { return rest.isEmpty ? String(decoding: text, as: UTF8.self) : nil }
      let label = rest.prefix(Int(length))
      guard length <= 63, label.count == Int(length), text.count + label.count <= 255,
        label.allSatisfy({ 0x21...0x7e ~= $0 && $0 != UInt8(ascii: ".") })
      else { return nil }
      if !text.isEmpty { text.append(UInt8(ascii: ".")) }
      text += label
      rest = rest.dropFirst(label.count)
    }
    return nil
  }
}

/// The name that PTR of an address is asked for (RFC 1035 section 3.5, RFC 3596 section 2.5).
func reverseName(_ address: IPAddress) -> String {
  switch address {
  case .inet4:
    return address.bytes.reversed().map { "\($0)" }.joined(separator: ".") + ".in-addr.arpa"
  case .inet6:
    let nibbles = address.bytes.reversed().flatMap { [$0 & 15, $0 >> 4] }
    return nibbles.map { String($0, radix: 16) }.joined(separator: ".") + ".ip6.arpa"
  }
}
