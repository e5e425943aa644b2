// SPDX-License-Identifier: ISC

/// What is wrong with a configuration: one case for each mistake that an operator can make.
package enum Complaint: Hashable, Sendable {
  // Tokens.
  case unterminatedString
  case zeroByte
  case carriageReturn
  case notText
  case tokenTooLong
  case numberOutOfRange
  case undefinedMacro(String, nearest: String?)

  // Statements.
  case unexpected(found: String, expected: [String], nearest: String?)
  /// A macro is named like a word of the grammar.
  case reservedMacro(String)
  /// A reserved word, or a number, where a string has to stand.
  case needsQuotes(String, expected: String)
  /// A path or another text that begins with a character that begins no word.
  case unquoted(Character, expected: String)
  case unsupported(String)
  case repeated(String)
  /// OpenSMTPD's word for what there is none of here.
  case withoutEffect(String)
  case exclusive(String, String)
  /// Something is of no use without something else.
  case needs(String, String)
  case unreadableFile(String, reason: String)
  case includedTooDeep(limit: Int)
  case noRules

  // Values.
  case duration(String)
  case size(String)
  case outOfRange(String, Int64, ClosedRange<Int64>)
  case tooLong(String, limit: Int)
  case tooMany(String, limit: Int)
  case address(String)
  /// No address and no block of them.
  case network(String)
  /// What `resolver` cannot ask.
  case nameServer(String, nearest: String?)
  /// What `auth pam` cannot ask.
  case pamService(String)
  case hostName(String)
  case unknownService(String, nearest: String?)
  case delimiter(String)
  case format(String, Format.Fault)
  case relayURL(String, RelayURL.Fault)
  case mailAddress(String)
  case userName(String)
  case groupName(String)
  case pattern(String, Pattern.Fault)
  case noAddresses(interface: String)
  /// A name to listen on.
  case unresolved(String, reason: String)
  /// By the address at a line; the file is nil where it is the same.
  case listensAlready(String, port: UInt16, by: String, line: Int, file: String?)
  case limitOrder(low: String, high: String)
  case text(String)
  case empty(String)
  case lmtpDestination(String)
  /// A filter refuses with something that is no reply.
  case reply(String)
  /// The key of the queue has another length.
  case keyLength(Int)
  /// What only the TLS library, or the file that is named, can tell.
  case unusable(String, reason: String)
  /// A part of a day.
  case days(String)
  case path(String)

  // Names.
  case duplicateTable(String)
  /// A table is named like one that is always there.
  case hides(String)
  case unknownTable(String, nearest: String?)
  /// The name is empty when the table stands where it is used.
  case tableKind(String, TableKind)
  /// A list of IPv6 addresses that their colons made pairs.
  case addressesAsPairs(String)
  case tablePath(String)
  case tableType(String)
  /// The accounts of the system, asked for something else.
  case accountsOnly(String)
  case tableFault(path: String, TableContents.Fault)
  /// An entry of a table's file; without a line when it is no longer there.
  indirect case entry(path: String, line: Int?, Complaint)
  /// An entry of a table of the configuration, by the line that cannot use it; with a path when that is in
  /// another file.
  indirect case usedEntry(path: String?, line: Int, Complaint)
  /// What a table gives for a key is of no use to whoever asks.
  case value(key: String, reason: String)
  /// What it is, and its name.
  case duplicate(String, String)
  case undeclared(String, String, nearest: String?)
  case duplicateAction(String)
  case unknownAction(String, nearest: String?)
  case unusedMacro(String)

  // Filters.
  /// Something that has no place in a phase.
  case phase(String, Filter.Phase)
  case nestedChain(String)
  /// Two filters of a chain are the same process.
  case sharedProcess(String, String)
}

/// A complaint and its place; ends the statement that it is about.
struct SyntaxFault: Error, Hashable, Sendable {
  var complaint: Complaint
  var position: SourcePosition
}

/// A complaint as it is shown.
package struct Diagnostic: Hashable, Sendable {
  package enum Severity: Hashable, Sendable {
    /// The configuration cannot be used.
    case error
    case warning
  }

  package var severity: Severity
  package var complaint: Complaint
  package var path: String
  /// From 1.
  package var line: Int
  /// In bytes, from 1.
  package var column: Int
  /// In bytes.
  package var length: Int
  /// The line's own bytes.
  package var sourceLine: [UInt8]
}
