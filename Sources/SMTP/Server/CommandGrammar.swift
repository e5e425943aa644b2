// SPDX-License-Identifier: ISC

internal import Mail

/// A command line, read. What is wrong with its arguments is a reply.
enum Command: Equatable, Sendable {
  case hello(Hello, Result<String, Refusal>)
  case mail(Result<MailCommand, Refusal>)
  case recipient(Result<RecipientCommand, Refusal>)
  case data(Bare)
  case reset(Bare)
  case quit(Bare)
  case help(Bare)
  case noop
  case verify
  case startTLS(Bare)
  case authenticate(Result<AuthenticationCommand, Refusal>)
  case unknown
  /// A command with a NUL in it.
  case invalid

  var isKnown: Bool { self != .unknown && self != .invalid }

  enum Hello: Equatable, Sendable {
    case helo
    case ehlo
  }

  /// Whether a command that takes no argument was given one.
  enum Bare: Equatable, Sendable {
    case bare
    case withArgument
  }

  /// The reply to arguments that are no good.
  struct Refusal: Error, Equatable, Sendable {
    let reply: Reply
  }
}

/// A valid AUTH command.
struct AuthenticationCommand: Equatable, Sendable {
  let mechanism: AuthenticationDialog.Mechanism
  /// The first answer, in base64; nil when it has to be asked for.
  let response: Secret?
}

/// Reads command lines (RFC 5321 section 4.1.1 and the extensions that are offered).
struct CommandGrammar: Sendable {
  let serverName: String
  let deliveryNotification: ServerSession.DeliveryNotification

  static let envelopeIdentifierLengthMax = 100
  static let originalRecipientLengthMax = 500
  static let mechanismLengthMax = 20

  /// Reads a line without its CRLF.
  func parse(_ line: Span<UInt8>) -> Command {
    for index in line.indices where line[index] == 0 { return .invalid }
    var verbEnd = 0
    while verbEnd < line.count, line[verbEnd] != 0x20, line[verbEnd] != 0x09 { verbEnd += 1 }
    let verb = line.extracting(0..<verbEnd)
    let arguments = line.extracting(trimmed(line, verbEnd..<line.count))
    let bare: Command.Bare = arguments.isEmpty ? .bare : .withArgument
    switch verbEnd {
    case 4:
      if matches(verb, "ehlo") { return .hello(.ehlo, name(arguments)) }
      if matches(verb, "helo") { return .hello(.helo, name(arguments)) }
      if matches(verb, "mail") { return .mail(mail(arguments)) }
      if matches(verb, "rcpt") { return .recipient(recipient(arguments)) }
      if matches(verb, "data") { return .data(bare) }
      if matches(verb, "rset") { return .reset(bare) }
      if matches(verb, "quit") { return .quit(bare) }
      if matches(verb, "noop") { return .noop }
      if matches(verb, "help") { return .help(bare) }
      if matches(verb, "vrfy") { return .verify }
      if matches(verb, "auth") { return .authenticate(authenticate(arguments)) }
      return .unknown
    case 8 where matches(verb, "starttls"): return .startTLS(bare)
    default: return .unknown
    }
  }

  private func name(_ bytes: Span<UInt8>) -> Result<String, Command.Refusal> {
    guard !bytes.isEmpty else { return .failure(.init(reply: ServerReply.nameMissing)) }
    guard Address.isDomain(bytes), let name = text(bytes) else {
      return .failure(.init(reply: ServerReply.invalidName))
    }
    return .success(name)
  }

  private func authenticate(
    _ bytes: Span<UInt8>
  ) -> Result<AuthenticationCommand, Command.Refusal> {
    guard !bytes.isEmpty else { return .failure(.init(reply: ServerReply.mechanismMissing)) }
    var end = 0
    while end < bytes.count, bytes[end] != 0x20, bytes[end] != 0x09 { end += 1 }
    let name = bytes.extracting(0..<end)
    let mechanism: AuthenticationDialog.Mechanism
    if matches(name, "plain") {
      mechanism = .plain
    } else if matches(name, "login") {
      mechanism = .login
    } else {
      return .failure(.init(reply: ServerReply.unknownMechanism(mechanismText(name))))
    }
    let response = bytes.extracting(trimmed(bytes, end..<bytes.count))
    guard !response.isEmpty else {
      return .success(AuthenticationCommand(mechanism: mechanism, response: nil))
    }
    // An answer of nothing is a sign of its own (RFC 4954 section 4).
    let isEmpty = response.count == 1 && response[0] == UInt8(ascii: "=")
    var content: [UInt8] = []
    content.reserveCapacity(response.count)
    if !isEmpty { for index in response.indices { content.append(response[index]) } }
    return .success(AuthenticationCommand(mechanism: mechanism, response: Secret(content)))
  }

  /// What a client took for a mechanism: no more of it than a name has (RFC 4422 section 3.1).
  private func mechanismText(_ bytes: Span<UInt8>) -> String {
    var content: [UInt8] = []
    for index in 0..<min(bytes.count, CommandGrammar.mechanismLengthMax) {
      content.append(0x21...0x7e ~= bytes[index] ? bytes[index] : UInt8(ascii: "?"))
    }
    return String(decoding: content, as: UTF8.self)
  }

  private func mail(_ bytes: Span<UInt8>) -> Result<MailCommand, Command.Refusal> {
    Result { () throws(Command.Refusal) in
      let path = try path(
        bytes,
        after: "from:",
        syntax: ServerReply.mailSyntax,
        invalid: ServerReply.invalidSender
      )
      var options = MailOptions(MailCommand(sender: path.address), deliveryNotification)
      try forEachOption(bytes, from: path.end, syntax: ServerReply.mailSyntax) {
        (option) throws(Command.Refusal) in
        try options.apply(option)
      }
      return options.command
    }
  }

  private func recipient(_ bytes: Span<UInt8>) -> Result<RecipientCommand, Command.Refusal> {
    Result { () throws(Command.Refusal) in
      let path = try path(
        bytes,
        after: "to:",
        syntax: ServerReply.recipientSyntax,
        invalid: ServerReply.invalidRecipientSyntax
      )
      guard let address = path.address else {
        throw Command.Refusal(reply: ServerReply.invalidRecipientSyntax)
      }
      var options = RecipientOptions(RecipientCommand(address: address), deliveryNotification)
      try forEachOption(bytes, from: path.end, syntax: ServerReply.recipientSyntax) {
        (option) throws(Command.Refusal) in
        try options.apply(option)
      }
      return options.command
    }
  }

  /// The path behind `FROM:` or `TO:`, and the index behind it.
  private func path(
    _ bytes: Span<UInt8>,
    after keyword: String,
    syntax: Reply,
    invalid: Reply
  ) throws(Command.Refusal) -> (address: Address?, end: Int) {
    let length = keyword.utf8.count
    guard bytes.count >= length, matches(bytes.extracting(0..<length), keyword) else {
      throw Command.Refusal(reply: syntax)
    }
    let start = trimmed(bytes, length..<bytes.count).lowerBound
    do {
      let path = try Address.path(
        in: bytes.extracting(start..<bytes.count),
        completedWith: serverName
      )
      return (path.address, start + path.length)
    } catch {
      throw Command.Refusal(reply: invalid)
    }
  }

  /// Hands over each option behind the path; between them, and before the first, is a blank.
  private func forEachOption(
    _ bytes: Span<UInt8>,
    from start: Int,
    syntax: Reply,
    _ body: (Span<UInt8>) throws(Command.Refusal) -> Void
  ) throws(Command.Refusal) {
    var index = start
    while index < bytes.count {
      guard bytes[index] == 0x20 else { throw Command.Refusal(reply: syntax) }
      while index < bytes.count, bytes[index] == 0x20 { index += 1 }
      let optionStart = index
      while index < bytes.count, bytes[index] != 0x20 { index += 1 }
      if index > optionStart { try body(bytes.extracting(optionStart..<index)) }
    }
  }

  /// The part of `range` without blanks at its ends.
  private func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
    var lower = range.lowerBound
    var upper = range.upperBound
    while lower < upper, bytes[lower] == 0x20 || bytes[lower] == 0x09 { lower += 1 }
    while upper > lower, bytes[upper - 1] == 0x20 || bytes[upper - 1] == 0x09 { upper -= 1 }
    return lower..<upper
  }
}

/// The bytes as text; nil when they are not UTF-8.
func text(_ bytes: Span<UInt8>) -> String? {
  guard let text = try? UTF8Span(validating: bytes) else { return nil }
  return String(copying: text)
}

/// Compares without regard to case; `lowercased` is in lower case.
func matches(_ bytes: Span<UInt8>, _ lowercased: String) -> Bool {
  guard bytes.count == lowercased.utf8.count else { return false }
  var index = 0
  for expected in lowercased.utf8 {
    let byte = bytes[index]
    guard (0x41...0x5a ~= byte ? byte | 0x20 : byte) == expected else { return false }
    index += 1
  }
  return true
}
