// SPDX-License-Identifier: ISC

internal import Mail

extension Diagnostic: CustomStringConvertible {
  /// `file:line: text`, then the line, a caret, and what was expected.
  package var description: String {
    let what = "\(severity == .warning ? "warning: " : "")\(complaint.text)"
    var text = Diagnostic.printable("\(path):\(line): \(what)".utf8.prefix(500))
    let hint = complaint.hint.map { Diagnostic.printable($0.utf8.prefix(500)) }
    guard !sourceLine.isEmpty else { return hint.map { "\(text)\n    \($0)" } ?? text }
    let (shown, padding, width) = excerpt
    text += "\n    \(shown)\n    \(padding)^\(String(repeating: "~", count: max(width - 1, 0)))"
    if let hint { text += "\n    \(hint)" }
    return text
  }

  /// The line as far as it fits, what stands before the caret, and the caret's width.
  private var excerpt: (String, String, Int) {
    let start = min(max(column - 1, 0), sourceLine.count)
    let end = min(start + length, sourceLine.count)
    let from = start > 100 ? start - 60 : 0
    let to = min(sourceLine.count, max(end, from + 120))
    let shown = Diagnostic.printable(sourceLine[from..<min(to, from + 200)])
    let before = Diagnostic.printable(sourceLine[from..<start])
    let padding = String(before.map { $0 == "\t" ? "\t" : " " })
    let width = Diagnostic.printable(sourceLine[start..<end]).count
    let mark = from > 0 ? "…" : ""
    return (mark + shown, (from > 0 ? " " : "") + padding, min(width, 100))
  }

  /// A tab stays, for the caret below.
  private static func printable(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self).visible(keeping: "\t")
  }
}

extension Complaint {
  /// What is wrong, on one line.
  package var text: String {
    tokenText ?? statementText ?? valueText ?? settingText ?? nameText
  }

  private var tokenText: String? {
    switch self {
    case .unterminatedString: "string without its closing quote"
    case .zeroByte: "zero byte"
    case .carriageReturn: "carriage return: lines have to end with a line feed alone"
    case .notText: "not UTF-8"
    case .tokenTooLong: "longer than \(Lexer.Limits.token) bytes"
    case .numberOutOfRange: "number out of range"
    case .undefinedMacro("", _): "\"$\" without the name of a macro"
    case .undefinedMacro(let name, _): "macro \"\(name)\" is not defined"
    default: nil
    }
  }

  private var statementText: String? {
    switch self {
    case .unexpected(let found, _, _): "unexpected \(found)"
    case .reservedMacro(let word): "\"\(word)\" is a reserved word and cannot name a macro"
    case .needsQuotes(let word, _): "\(word) has to be quoted here"
    case .unquoted(let first, _): "what begins with \"\(first)\" has to be quoted"
    case .unsupported(let what): "\(what) is not supported yet"
    case .repeated(let what): "\(what) is given twice"
    case .withoutEffect(let what): "\(what) has no effect"
    case .exclusive(let one, let other): "\(one) cannot be combined with \(other)"
    case .needs(let what, let other): "\(what) needs \(other)"
    case .unreadableFile(let path, let reason): "cannot read \(path): \(reason)"
    case .includedTooDeep(let limit): "more than \(limit) files include each other"
    case .noRules: "no rules, nothing to do"
    default: nil
    }
  }

  private var valueText: String? {
    switch self {
    case .duration(let text): "\"\(text)\" is no duration"
    case .size(let text): "\"\(text)\" is no size"
    case .outOfRange(let what, let value, _): "\(what) cannot be \(value)"
    case .tooLong(let what, _): "\(what) is too long"
    case .tooMany(let what, _): "too many \(what)"
    case .address(let text): "\"\(text)\" is no address"
    case .network(let text): "\"\(text)\" is no address and no network"
    case .nameServer(let text, _): "\"\(text)\" is no name server"
    case .hostName(let text): "\"\(text)\" is no host name"
    case .unknownService(let name, _): "unknown service \"\(name)\""
    case .delimiter(let text): "\"\(text)\" cannot divide a user from a sub-address"
    case .format(let text, let fault): "\"\(text)\": \(fault.text)"
    case .relayURL(let text, let fault): "\"\(text)\": \(fault.text)"
    case .mailAddress(let text): "\"\(text)\" is no mail address"
    case .userName(let text): "\"\(text)\" is no user name"
    case .groupName(let text): "\"\(text)\" is no group name"
    case .pattern(let text, let fault): "\"\(text)\" is no regular expression: \(fault)"
    case .noAddresses(let interface): "interface \(interface) has no such address"
    case .unresolved(let name, let reason): "\"\(name)\" has no address: \(reason)"
    case .listensAlready(let address, let port, let other, let line, let file):
      "\(address) port \(port) is listened on already, by "
        + (other == address ? "" : "\(other) of ") + "line \(line)"
        + (file.map { " of \($0)" } ?? "")
    case .limitOrder(let low, let high): "\(low) is above \(high)"
    case .text(let what): "\(what) has characters that cannot be printed"
    default: nil
    }
  }

  private var settingText: String? {
    switch self {
    case .empty(let what): "\(what) is empty"
    case .lmtpDestination(let text): "\"\(text)\" is nowhere to deliver by LMTP"
    case .reply(let text): "\"\(text)\" is no reply that refuses"
    case .keyLength(let count): "a key of \(count) bytes"
    case .days(let text): "\"\(text)\" is less than a day"
    case .pamService(let text): "\"\(text)\" is no PAM service"
    case .path(let text): "\"\(text)\" is no absolute path"
    case .unusable(let what, let reason): "\(what): \(reason)"
    case .phase(let what, let phase): "\(what) has no meaning in phase \(phase.rawValue)"
    case .nestedChain(let name): "filter \"\(name)\" is a chain itself"
    case .sharedProcess(let one, let other):
      "filters \"\(one)\" and \"\(other)\" are the same process"
    default: nil
    }
  }

  private var nameText: String {
    switch self {
    case .duplicate(let what, let name): "\(what) \"\(name)\" is declared twice"
    case .undeclared(let what, let name, _): "\(what) \"\(name)\" is not declared"
    case .accountsOnly(let name): "table \"\(name)\" cannot be used here"
    case .hides(let name): "table \"\(name)\" takes the name of one that is always there"
    case .duplicateTable(let name): "table \"\(name)\" is declared twice"
    case .unknownTable(let name, _): "table \"\(name)\" is not declared above"
    case .addressesAsPairs(let name): "table \"\(name)\" has values"
    case .tableKind("", .map): "this table has no values"
    case .tableKind(let name, .map): "table \"\(name)\" has no values"
    case .tableKind("", _): "this table has values"
    case .tableKind(let name, _): "table \"\(name)\" has values"
    case .tablePath(let path): "\"\(path)\" is no absolute path"
    case .tableType(let type): "\"\(type)\" is no type of a table"
    case .tableFault(let path, let fault): "\(path):\(fault.text)"
    case .entry(let path, let line?, let complaint): "\(path):\(line): \(complaint.text)"
    case .entry(let path, nil, let complaint): "\(path): \(complaint.text)"
    case .value(let key, let reason): "\(key): \(reason)"
    case .usedEntry(let path?, let line, let complaint):
      "\(complaint.text), and is used in \(path):\(line)"
    case .usedEntry(nil, let line, let complaint):
      "\(complaint.text), and is used in line \(line)"
    case .duplicateAction(let name): "action \"\(name)\" is declared twice"
    case .unknownAction(let name, _): "action \"\(name)\" is not declared above"
    case .unusedMacro(let name): "macro \"\(name)\" is not used"
    default: preconditionFailure("a complaint without a text")
    }
  }
}

extension Format.Fault {
  package var text: String {
    switch self {
    case .unclosed: "\"%{\" without \"}\""
    case .tokenTooLong: "more than \(Format.Limits.token) bytes between braces"
    case .unknownToken(let name): "unknown token \"\(name)\""
    case .unknownModifier(let name): "unknown modifier \"\(name)\""
    case .slice(let text): "\"\(text)\" is no slice"
    case .outOfRange(let token): "the value of \(token.rawValue) is too short"
    case .noValue(let token): "\(token.rawValue) has no value here"
    case .resultTooLong: "longer than \(Format.Limits.result) bytes"
    case .unsafePath: "leads to another directory"
    case .program(let token): "\(token.rawValue) would choose the program that runs"
    }
  }
}

extension RelayURL.Fault {
  package var text: String {
    switch self {
    case .unknownProtocol(let name): "unknown protocol \"\(name)\""
    case .label(""): "nothing before \"@\""
    case .label: "a label needs smtp+tls:// or smtps://"
    case .host(let text): "\"\(text)\" is no host"
    case .port(let text): "\"\(text)\" is no port"
    case .portMissing: "lmtp:// needs a port"
    }
  }
}

extension TableContents.Fault {
  package var text: String {
    switch self {
    case .notText(let line): "\(line): not UTF-8"
    case .keyTooLong(let line): "\(line): key longer than \(TableContents.Limits.key) bytes"
    case .valueMissing(let line, let key): "\(line): \"\(key)\" has no value"
    case .addressTakenForPair(let line, let key, let address):
      "\(line): \"\(key)\" has no value, which line \(address) has for its colon: a list needs \"# @list\" above it, or brackets around IPv6 addresses"
    }
  }
}
