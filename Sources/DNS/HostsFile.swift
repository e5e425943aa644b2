// SPDX-License-Identifier: ISC

import Mail

/// The content of a hosts file (hosts(5)), looked at before the DNS is asked.
struct HostsFile: Sendable {
  private var addresses: [DomainName: [IPAddress]] = [:]
  private var names: [IPAddress: DomainName] = [:]

  /// Lines that make no sense are skipped.
  init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard let first = words.first, let address = IPAddress(parsing: first) else { continue }
      for name in words.dropFirst().compactMap({ DomainName($0) }) {
        if names[address] == nil { names[address] = name }
        if addresses[name]?.contains(address) != true {
          addresses[name, default: []].append(address)
        }
      }
    }
  }

  /// Nil when the file does not say.
  func answer(_ question: DNSQuestion) -> DNSAnswer? {
    switch question {
    case .mailExchangers: nil
    case .addresses(let name): addresses[name].map { DNSAnswer(.records(.addresses($0))) }
    case .pointer(let address): names[address].map { DNSAnswer(.records(.names([$0]))) }
    }
  }
}
