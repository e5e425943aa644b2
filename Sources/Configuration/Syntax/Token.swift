// SPDX-License-Identifier: ISC

/// The smallest part of the configuration that means something.
struct Token: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    /// Without quotes; perhaps a reserved word.
    case word(String)
    /// The content of quotes.
    case string(String)
    case number(Int64)
    case symbol(UInt8)
    /// `=>`
    case arrow
    case newline
    /// The end of the file.
    case end
  }

  var kind: Kind
  var position: SourcePosition

  var isEndOfStatement: Bool { kind == .newline || kind == .end }

  func isWord(_ text: String) -> Bool { kind == .word(text) }

  func isSymbol(_ symbol: Unicode.Scalar) -> Bool { kind == .symbol(UInt8(ascii: symbol)) }

  /// The text of a string, or of a word that is not reserved.
  var stringValue: String? {
    switch kind {
    case .string(let text): text
    case .word(let text): ReservedWord.all.contains(text) ? nil : text
    case .number, .symbol, .arrow, .newline, .end: nil
    }
  }
}

extension Token: CustomStringConvertible {
  /// As a diagnostic names it.
  var description: String {
    switch kind {
    case .word(let text), .string(let text): "\"\(text)\""
    case .number(let number): "\"\(number)\""
    case .symbol(let byte) where 0x21...0x7e ~= byte: "\"\(Unicode.Scalar(byte))\""
    case .symbol(let byte): "byte \(byte)"
    case .arrow: "\"=>\""
    case .newline: "end of line"
    case .end: "end of file"
    }
  }
}

/// The words that OpenSMTPD's grammar keeps for itself: as plain strings they need quotes.
///
/// Our own additions are not among them, so that a file that uses them as strings stays valid.
enum ReservedWord {
  static let all: Set<String> = [
    "action", "admd", "alias", "any", "auth", "auth-optional", "backup", "bounce", "bypass", "ca",
    "cert", "chain", "chroot", "ciphers", "commit", "compression", "connect", "data", "data-line",
    "dhe", "disconnect", "domain", "ehlo", "encryption", "expand-only", "fcrdns", "filter", "for",
    "forward-only", "from", "group", "helo", "helo-src", "host", "hostname", "hostnames",
    "include", "inet4", "inet6", "junk", "key", "limit", "listen", "lmtp", "local", "mail-from",
    "maildir", "mask-src", "masquerade", "match", "max-deferred", "max-message-size", "mbox",
    "mda", "mta", "mx", "no-dsn", "no-verify", "noop", "on", "phase", "pki", "port", "proc",
    "proc-exec", "protocols", "proxy-v2", "queue", "quit", "rcpt-to", "rdns", "received-auth",
    "recipient", "regex", "reject", "relay", "report", "rewrite", "rset", "scheduler", "senders",
    "smtp", "smtp-in", "smtp-out", "smtps", "socket", "src", "srs", "sub-addr-delim", "table",
    "tag", "tagged", "tls", "tls-require", "ttl", "user", "userbase", "verify", "virtual",
    "warn-interval", "wrapper",
  ]
}
