// SPDX-License-Identifier: ISC

/// A POSIX extended regular expression, with glibc's additions; `(?i)` before it ignores ASCII case.
///
/// Matching keeps a set of states and never goes back, so that its time is bounded by the product of
/// both lengths whatever a sender writes into an address. Bytes are characters; back references do not
/// exist, and a match may lie anywhere in the text.
package struct Pattern: Sendable {
  /// What bounds patterns.
  package enum Limits {
    /// States of one pattern.
    package static let states = 4096
    /// The largest number in `{n,m}`.
    package static let repetitions = 255
    /// Repetitions of repetitions, without parentheses.
    package static let stackedRepetitions = 3
    /// Parts that are put together, repeated ones each time.
    package static let parts = 65_536
    /// Parentheses within each other.
    package static let depth = 64
  }

  /// A table's entry in lower case, but for letters behind a backslash: `\W` is not `\w`.
  package static func folded(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var lower = Array(bytes)
    var isEscaped = false
    for (index, byte) in lower.enumerated() {
      if !isEscaped, 0x41...0x5a ~= byte { lower[index] = byte | 0x20 }
      isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
    }
    return lower
  }

  /// One step of the machine.
  enum State: Sendable {
    case byte(UInt8, next: Int)
    case set(ByteSet, next: Int)
    case fork(Int, Int)
    case assertion(PatternAssertion, next: Int)
    case found

    /// Where this byte leads; nil when it leads nowhere.
    func successor(for byte: UInt8) -> Int? {
      switch self {
      case .byte(let expected, let next): expected == byte ? next : nil
      case .set(let set, let next): set.contains(byte) ? next : nil
      case .fork, .assertion, .found: nil
      }
    }
  }

  private let states: [State]
  private let first: Int
  private let ignoresCase: Bool

  /// Whether upper and lower case are the same, of ASCII.
  package enum LetterCase: Sendable {
    /// Unless `(?i)` stands before the expression.
    case counts
    /// As in tables, whose keys and what is looked for in them are lower case.
    case ignored
  }

  package init(parsing text: String, _ letters: LetterCase = .counts) throws(Fault) {
    var source = Array(text.utf8)[...]
    let saysSo = source.starts(with: "(?i)".utf8)
    if saysSo { source = source.dropFirst(4) }
    ignoresCase = saysSo || letters == .ignored
    var builder = PatternParser(source, ignoresCase: ignoresCase)
    let node = try builder.parse()
    var compiler = PatternCompiler()
    first = try compiler.compile(node)
    states = compiler.states
  }

  /// Whether the expression matches somewhere in `text`.
  package func matches(_ text: String) -> Bool {
    let bytes = text.utf8
    var current = StateList(capacity: states.count)
    var following = StateList(capacity: states.count)
    var place = Place(before: nil, after: bytes.first)
    var rest = bytes.dropFirst()
    while let read = place.after {
      if add(first, to: &current, at: place) { return true }
      let byte = ignoresCase ? Pattern.lowercase(read) : read
      let next = Place(before: read, after: rest.popFirst())
      for state in current.members {
        guard let successor = states[state].successor(for: byte) else { continue }
        if add(successor, to: &following, at: next) { return true }
      }
      swap(&current, &following)
      following.removeAll()
      place = next
    }
    return add(first, to: &current, at: place)
  }

  /// Between two bytes of a text, or at an end of it.
  private struct Place {
    var before: UInt8?
    var after: UInt8?
  }

  /// Adds a state and what it leads to without a byte; true when that is the end.
  private func add(_ state: Int, to list: inout StateList, at place: Place) -> Bool {
    var waiting = [state]
    while let state = waiting.popLast() {
      guard list.insert(state) else { continue }
      switch states[state] {
      case .found: return true
      case .fork(let one, let other):
        waiting.append(other)
        waiting.append(one)
      case .assertion(let assertion, let next):
        if assertion.holds(between: place.before, and: place.after) { waiting.append(next) }
      case .byte, .set: break
      }
    }
    return false
  }

  static func lowercase(_ byte: UInt8) -> UInt8 {
    0x41...0x5a ~= byte ? byte | 0x20 : byte
  }
}

/// The states that the machine is in.
private struct StateList {
  private(set) var members: [Int] = []
  private var isMember: [Bool]

  init(capacity: Int) {
    isMember = Array(repeating: false, count: capacity)
  }

  /// False when it was there before.
  mutating func insert(_ state: Int) -> Bool {
    guard !isMember[state] else { return false }
    isMember[state] = true
    members.append(state)
    return true
  }

  mutating func removeAll() {
    for state in members { isMember[state] = false }
    members.removeAll(keepingCapacity: true)
  }
}
