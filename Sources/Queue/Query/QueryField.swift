// SPDX-License-Identifier: ISC

internal import Mail

/// A field that a test of a query can be about.
enum QueryField: String, CaseIterable {
  case id
  case sender
  case recipient
  case domain
  case action
  case state
  case kind
  case age
  case retry
  case error
  case size
  case tag
  case user

  static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }

  /// All signs, the longer before those they begin with.
  static let signs = ["!=", "!~", "<=", ">=", "=", "<", ">", "~"]

  /// The signs that the field can have.
  var signs: [String] {
    switch self {
    case .id, .state, .kind: ["=", "!="]
    case .sender, .recipient, .domain, .action, .error, .tag, .user: ["=", "!=", "~", "!~"]
    case .age, .retry, .size: ["=", "!=", "<", "<=", ">", ">="]
    }
  }

  var expectation: String {
    switch self {
    case .id: "16 hexadecimal digits for an envelope, 8 for a message"
    case .sender: "an address, USER, @DOMAIN, or <> for the null sender"
    case .recipient: "an address, USER or @DOMAIN"
    case .domain, .action, .error, .tag, .user: "a text"
    case .state: "one of " + RuntimeState.allCases.map(\.rawValue).joined(separator: ", ")
    case .kind: "one of " + Query.KindWord.allCases.map(\.rawValue).joined(separator: ", ")
    case .age: "a duration like 90, 30m, 4h or 1d12h"
    case .retry: "a number"
    case .size: "a number of bytes like 5000, 10K, 1M or 2G"
    }
  }

  /// Nil when the value is none of this field. Negation is the caller's.
  func test(_ sign: String, _ value: Substring) -> Query.Test? {
    let mode: Query.TextTest.Mode = sign.hasSuffix("~") ? .part : .whole
    let comparison = Query.Comparison(rawValue: sign == "!=" ? "=" : sign)
    switch self {
    case .id: return QueryValue.identifier(value)
    case .sender: return QueryValue.address(mode, value, null: .allowed).map { .sender($0) }
    case .recipient: return QueryValue.address(mode, value, null: .refused).map { .recipient($0) }
    case .domain: return value.isEmpty ? nil : .domain(.init(mode, value))
    case .action: return value.isEmpty ? nil : .action(.init(mode, value))
    case .error: return .error(.init(mode, value))
    case .tag: return .tag(.init(mode, value))
    case .user: return .user(.init(mode, value))
    case .state: return RuntimeState(rawValue: value.lowercased()).map { .state($0) }
    case .kind: return Query.KindWord(rawValue: value.lowercased()).map { .kind($0) }
    case .age:
      guard let comparison, let seconds = QueryValue.duration(value) else { return nil }
      return .age(comparison, seconds)
    case .retry:
      guard let comparison, let count = QueryValue.number(value) else { return nil }
      return .retry(comparison, count)
    case .size:
      guard let comparison, let bytes = QueryValue.size(value) else { return nil }
      return .size(comparison, bytes)
    }
  }
}

/// Reads the values of a query's tests. Nil is no value.
enum QueryValue {
  enum NullSender {
    case allowed
    case refused
  }

  static func identifier(_ text: Substring) -> Query.Test? {
    if let id = EnvelopeID(hexadecimal: text) { return .envelope(id) }
    return MessageID(hexadecimal: text).map { .message($0) }
  }

  static func address(
    _ mode: Query.TextTest.Mode,
    _ text: Substring,
    null: NullSender
  ) -> Query.AddressTest? {
    if mode == .part { return text.isEmpty ? nil : .contains(.init(.part, text)) }
    if text.isEmpty || text == "<>" || text == "@" { return null == .allowed ? .null : nil }
    let bare = text.hasPrefix("<") && text.hasSuffix(">") ? text.dropFirst().dropLast() : text
    guard let at = bare.lastIndex(of: "@") else {
      return .parts(local: .init(.whole, bare), domain: nil)
    }
    let local = bare[..<at]
    let domain = bare[bare.index(after: at)...]
    guard !domain.isEmpty else { return nil }
    return .parts(
      local: local.isEmpty ? nil : .init(.whole, local),
      domain: .init(.whole, domain)
    )
  }

  static func number(_ text: Substring) -> Int64? {
    guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
    return Int64(text)
  }

  /// Numbers with a unit (`w`, `d`, `h`, `m`, `s`) each; the last may be without, and is seconds.
  static func duration(_ text: Substring) -> Int64? {
    sum(text) { unit in
      switch unit {
      case nil, "s": 1
      case "m": 60
      case "h": 3600
      case "d": 86_400
      case "w": 604_800
      default: nil
      }
    }
  }

  static func size(_ text: Substring) -> Int64? {
    let last = text.last.map { Character($0.lowercased()) }
    let factor: Int64 =
      switch last {
      case "k": 1024
      case "m": 1_048_576
      case "g": 1_073_741_824
      default: 1
      }
    guard let value = number(factor == 1 ? text : text.dropLast()) else { return nil }
    let product = value.multipliedReportingOverflow(by: factor)
    return product.overflow ? nil : product.partialValue
  }

  private static func sum(_ text: Substring, _ factor: (Character?) -> Int64?) -> Int64? {
    var rest = text
    var total: Int64 = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      guard let value = number(digits), let unit = factor(rest.popFirst()) else { return nil }
      let product = value.multipliedReportingOverflow(by: unit)
      let next = total.addingReportingOverflow(product.partialValue)
      guard !product.overflow, !next.overflow else { return nil }
      total = next.partialValue
    }
    return total
  }
}
