// SPDX-License-Identifier: ISC

internal import Mail

/// The header section of a message on its way in: counts Received, completes addresses, drops Bcc,
/// adds what is missing, and finds where the section ends (RFC 5322 section 2.2, the subset that
/// OpenSMTPD checks).
///
/// Fields that are not changed leave byte for byte as they came.
struct HeaderSection: Sendable {
  enum Fault: Equatable, Sendable {
    /// More Received fields than `receivedFieldsMax`.
    case loop
    /// The first line is a continuation, or a name or field is beyond its limit.
    case malformed
  }

  /// What an added Date or Message-ID consists of.
  struct MissingFields: Sendable {
    let date: String
    let messageID: String
  }

  /// Whether the next line still belongs to the section.
  private(set) var isOpen = true
  private(set) var fault: Fault?

  private let serverName: String
  /// What the addresses of From become; nil leaves them.
  private let author: String?
  private let missingFields: MissingFields?
  private let limits: ServerSession.Limits
  private var current = Field.none
  /// Lines of a field that may have to be changed.
  private var held: [UInt8] = []
  private var fieldLength = 0
  private var receivedCount = 0
  private var hasDate = false
  private var hasMessageID = false

  /// What is done with the field whose lines are coming.
  private enum Field: Sendable {
    case none
    case copied
    case dropped
    case held
    /// From, when it becomes somebody else's.
    case masqueraded
  }

  /// - Parameter missingFields: what to add where the message lacks it; nil to add nothing.
  /// - Parameter author: what the addresses of From become; nil to leave them.
  init(
    serverName: String,
    author: String? = nil,
    missingFields: MissingFields?,
    limits: ServerSession.Limits
  ) {
    self.serverName = serverName
    self.author = author
    self.missingFields = missingFields
    self.limits = limits
  }

  /// The next line, without its end. A line that is no field ends the section, and then stands
  /// behind an empty line.
  mutating func take(_ line: [UInt8], into output: inout [UInt8]) {
    precondition(isOpen)
    guard let first = line.first else {
      end(into: &output)
      return
    }
    if first == 0x20 || first == 0x09 {
      continueField(line, into: &output)
      return
    }
    guard let nameLength = nameLength(of: line) else {
      end(into: &output)
      output.append(contentsOf: line)
      output.append(0x0a)
      return
    }
    releaseHeld(into: &output)
    if nameLength > limits.fieldNameLengthMax { fault = fault ?? .malformed }
    current = beginField(named: line[..<nameLength])
    fieldLength = 0
    store(line, into: &output)
  }

  /// The data ended inside the section.
  mutating func finish(into output: inout [UInt8]) {
    precondition(isOpen)
    releaseHeld(into: &output)
    addMissingFields(to: &output)
    isOpen = false
  }

  private mutating func end(into output: inout [UInt8]) {
    finish(into: &output)
    output.append(0x0a)
  }

  private mutating func continueField(_ line: [UInt8], into output: inout [UInt8]) {
    if current == .none {
      fault = fault ?? .malformed
      current = .copied
    }
    store(line, into: &output)
  }

  private mutating func store(_ line: [UInt8], into output: inout [UInt8]) {
    fieldLength += line.count + 1
    if fieldLength > limits.fieldLengthMax { fault = fault ?? .malformed }
    switch current {
    case .none, .dropped:
      break
    case .copied:
      output.append(contentsOf: line)
      output.append(0x0a)
    case .held, .masqueraded:
      // A field beyond its limit is refused in the end: do not collect more of it.
      guard fault != .malformed else { break }
      held.append(contentsOf: line)
      held.append(0x0a)
    }
  }

  private mutating func releaseHeld(into output: inout [UInt8]) {
    guard !held.isEmpty else { return }
    if let author, current == .masqueraded {
      AuthorField.append(held, masqueradedAs: author, to: &output)
    } else {
      AddressListCompletion.append(held, completedWith: serverName, to: &output)
    }
    held.removeAll(keepingCapacity: true)
  }

  private mutating func addMissingFields(to output: inout [UInt8]) {
    guard let missingFields else { return }
    if !hasDate { output.append(contentsOf: "Date: \(missingFields.date)\n".utf8) }
    if !hasMessageID {
      output.append(contentsOf: "Message-ID: \(missingFields.messageID)\n".utf8)
    }
  }

  private mutating func beginField(named name: ArraySlice<UInt8>) -> Field {
    switch name.count {
    case 2 where matches(name, "to") || matches(name, "cc"): return .held
    case 3 where matches(name, "bcc"): return .dropped
    case 4 where matches(name, "from"): return author == nil ? .held : .masqueraded
    case 4 where matches(name, "date"): hasDate = true
    case 8 where matches(name, "received"):
      receivedCount += 1
      if receivedCount > limits.receivedFieldsMax { fault = fault ?? .loop }
    case 10 where matches(name, "message-id"): hasMessageID = true
    default: break
    }
    return .copied
  }

  /// The length of the name before the colon, and before blanks in front of it; nil when the line
  /// is no field.
  private func nameLength(of line: [UInt8]) -> Int? {
    var index = 0
    while index < line.count, 0x21...0x7e ~= line[index], line[index] != UInt8(ascii: ":") {
      index += 1
    }
    let length = index
    while index < line.count, line[index] == 0x20 || line[index] == 0x09 { index += 1 }
    guard length > 0, index < line.count, line[index] == UInt8(ascii: ":") else { return nil }
    return length
  }

  /// Compares without regard to case; `lowercased` is in lower case.
  private func matches(_ name: ArraySlice<UInt8>, _ lowercased: String) -> Bool {
    name.elementsEqual(lowercased.utf8) { byte, expected in
      (0x41...0x5a ~= byte ? byte | 0x20 : byte) == expected
    }
  }
}
