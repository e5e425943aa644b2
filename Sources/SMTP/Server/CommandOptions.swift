// SPDX-License-Identifier: ISC

internal import Mail

/// The options behind the path of MAIL (RFC 1870, 3461, 4954, 6152), each at most once.
struct MailOptions {
  private struct Seen: OptionSet {
    let rawValue: UInt8
    static let size = Seen(rawValue: 1)
    static let body = Seen(rawValue: 2)
    static let auth = Seen(rawValue: 4)
    static let ret = Seen(rawValue: 8)
    static let envid = Seen(rawValue: 16)
  }

  var command: MailCommand
  private let deliveryNotification: ServerSession.DeliveryNotification
  private var seen: Seen = []

  init(_ command: MailCommand, _ deliveryNotification: ServerSession.DeliveryNotification) {
    self.command = command
    self.deliveryNotification = deliveryNotification
  }

  /// Takes `KEYWORD` or `KEYWORD=value`.
  mutating func apply(_ option: Span<UInt8>) throws(Command.Refusal) {
    let equals = indexOfEquals(option)
    let keyword = option.extracting(0..<equals)
    let value = option.extracting(min(equals + 1, option.count)..<option.count)
    let offersNotification = deliveryNotification == .offered
    if matches(keyword, "size") {
      try once(.size, option)
      command.declaredSize = try size(value, option)
    } else if matches(keyword, "body") {
      try once(.body, option)
      try takeBody(value, option)
    } else if matches(keyword, "auth") {
      try once(.auth, option)
    } else if offersNotification, matches(keyword, "ret") {
      try once(.ret, option)
      try takeReturn(value, option)
    } else if offersNotification, matches(keyword, "envid") {
      try once(.envid, option)
      try takeEnvelopeIdentifier(value, option)
    } else {
      throw Command.Refusal(reply: ServerReply.unsupportedMailOption(quoted(option)))
    }
  }

  private mutating func once(_ flag: Seen, _ option: Span<UInt8>) throws(Command.Refusal) {
    guard seen.insert(flag).inserted else { throw invalid(option) }
  }

  /// At most 20 digits (RFC 1870 section 3); what does not fit into an Int is merely too large.
  private func size(_ value: Span<UInt8>, _ option: Span<UInt8>) throws(Command.Refusal) -> Int {
    guard 1...20 ~= value.count else { throw invalid(option) }
    var size = 0
    for index in value.indices {
      guard 0x30...0x39 ~= value[index] else { throw invalid(option) }
      let (tens, overflows) = size.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = tens.addingReportingOverflow(Int(value[index] - 0x30))
      size = overflows || overflowsToo ? Int.max : sum
    }
    return size
  }

  private mutating func takeBody(
    _ value: Span<UInt8>,
    _ option: Span<UInt8>
  ) throws(Command.Refusal) {
    if matches(value, "8bitmime") {
      command.content.insert(.eightBit)
    } else if !matches(value, "7bit") {
      throw invalid(option)
    }
  }

  private mutating func takeReturn(
    _ value: Span<UInt8>,
    _ option: Span<UInt8>
  ) throws(Command.Refusal) {
    if matches(value, "full") {
      command.returnContent = .full
    } else if matches(value, "hdrs") {
      command.returnContent = .headers
    } else {
      throw invalid(option)
    }
  }

  private mutating func takeEnvelopeIdentifier(
    _ value: Span<UInt8>,
    _ option: Span<UInt8>
  ) throws(Command.Refusal) {
    guard value.count <= CommandGrammar.envelopeIdentifierLengthMax else {
      throw Command.Refusal(reply: ServerReply.optionTooLarge(quoted(option)))
    }
    guard !value.isEmpty, let identifier = Xtext.decode(value) else { throw invalid(option) }
    command.envelopeIdentifier = identifier
  }

  private func invalid(_ option: Span<UInt8>) -> Command.Refusal {
    Command.Refusal(reply: ServerReply.invalidOption(quoted(option)))
  }
}

/// The options behind the path of RCPT (RFC 3461), each at most once.
struct RecipientOptions {
  var command: RecipientCommand
  private let deliveryNotification: ServerSession.DeliveryNotification

  init(_ command: RecipientCommand, _ deliveryNotification: ServerSession.DeliveryNotification) {
    self.command = command
    self.deliveryNotification = deliveryNotification
  }

  /// Takes `KEYWORD` or `KEYWORD=value`.
  mutating func apply(_ option: Span<UInt8>) throws(Command.Refusal) {
    let equals = indexOfEquals(option)
    let keyword = option.extracting(0..<equals)
    let value = option.extracting(min(equals + 1, option.count)..<option.count)
    let offersNotification = deliveryNotification == .offered
    if offersNotification, matches(keyword, "notify") {
      guard command.notify.isEmpty else { throw invalid(option) }
      command.notify = try notify(value, option)
    } else if offersNotification, matches(keyword, "orcpt") {
      guard command.originalRecipient == nil else { throw invalid(option) }
      command.originalRecipient = try originalRecipient(value)
    } else {
      throw Command.Refusal(reply: ServerReply.unsupportedRecipientOption(quoted(option)))
    }
  }

  private func notify(
    _ value: Span<UInt8>,
    _ option: Span<UInt8>
  ) throws(Command.Refusal) -> NotifyConditions {
    var conditions: NotifyConditions = []
    var start = 0
    while start <= value.count {
      var end = start
      while end < value.count, value[end] != UInt8(ascii: ",") { end += 1 }
      let word = value.extracting(start..<end)
      if matches(word, "success") {
        conditions.insert(.success)
      } else if matches(word, "failure") {
        conditions.insert(.failure)
      } else if matches(word, "delay") {
        conditions.insert(.delay)
      } else if matches(word, "never") {
        conditions.insert(.never)
      } else {
        throw invalid(option)
      }
      start = end + 1
    }
    guard !conditions.contains(.never) || conditions == .never else {
      throw Command.Refusal(reply: ServerReply.notifyMix)
    }
    return conditions
  }

  /// `type;xtext`, as `type;text`.
  private func originalRecipient(_ value: Span<UInt8>) throws(Command.Refusal) -> String {
    var semicolon = 0
    while semicolon < value.count, isTypeText(value[semicolon]) { semicolon += 1 }
    guard value.count <= CommandGrammar.originalRecipientLengthMax,
      semicolon > 0, semicolon + 1 < value.count, value[semicolon] == UInt8(ascii: ";"),
      let type = text(value.extracting(0..<semicolon)),
      let address = Xtext.decode(value.extracting(semicolon + 1..<value.count))
    else { throw Command.Refusal(reply: ServerReply.originalRecipientSyntax) }
    return "\(type);\(address)"
  }

  private func isTypeText(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."): true
    default: false
    }
  }

  private func invalid(_ option: Span<UInt8>) -> Command.Refusal {
    Command.Refusal(reply: ServerReply.invalidOption(quoted(option)))
  }
}

private func indexOfEquals(_ option: Span<UInt8>) -> Int {
  var index = 0
  while index < option.count, option[index] != UInt8(ascii: "=") { index += 1 }
  return index
}

/// The option for a reply: what is not printable ASCII is a question mark, and it is cut off.
private func quoted(_ option: Span<UInt8>) -> String {
  var bytes: [UInt8] = []
  for index in 0..<min(option.count, 64) {
    bytes.append(0x21...0x7e ~= option[index] ? option[index] : UInt8(ascii: "?"))
  }
  return String(decoding: bytes, as: UTF8.self)
}
