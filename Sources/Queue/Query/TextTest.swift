// SPDX-License-Identifier: ISC

internal import Mail

extension Query {
  /// A text to compare with; ASCII letters of both cases are the same. Makes nothing when it compares.
  struct TextTest: Equatable, Sendable {
    enum Mode: Equatable, Sendable {
      case whole
      case part
    }

    private let mode: Mode
    private let wanted: [UInt8]

    init(_ mode: Mode, _ text: some StringProtocol) {
      self.mode = mode
      wanted = text.utf8.map(TextTest.folded)
    }

    func matches(_ text: String) -> Bool {
      let bytes = text.utf8
      switch mode {
      case .whole: return bytes.count == wanted.count && begins(bytes[...])
      case .part:
        guard let first = wanted.first else { return true }
        var rest = bytes[...]
        while rest.count >= wanted.count {
          if TextTest.folded(rest[rest.startIndex]) == first, begins(rest) { return true }
          rest = rest.dropFirst()
        }
        return false
      }
    }

    private func begins(_ bytes: Substring.UTF8View) -> Bool {
      var position = 0
      for byte in bytes {
        if position == wanted.count { return true }
        if TextTest.folded(byte) != wanted[position] { return false }
        position += 1
      }
      return position == wanted.count
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
      0x41...0x5a ~= byte ? byte | 0x20 : byte
    }
  }

  /// What an address has to be.
  enum AddressTest: Equatable, Sendable {
    /// The null reverse path.
    case null
    /// `joe@example.org`; `joe` is any domain, and `@example.org` any local part.
    case parts(local: TextTest?, domain: TextTest?)
    /// A part of `joe@example.org`.
    case contains(TextTest)

    func matches(_ address: Address?) -> Bool {
      guard let address else { return self == .null }
      return switch self {
      case .null: false
      case .parts(let local, let domain):
        (local?.matches(address.local) ?? true) && (domain?.matches(address.domain) ?? true)
      case .contains(let text): text.matches("\(address.local)@\(address.domain)")
      }
    }
  }
}
