// SPDX-License-Identifier: ISC

/// What the benchmark holds lookup to, all of it in one place: below it the program ends with 1.
enum Bounds {
  /// Decisions a second on one core, whatever the tables of 1,000 rules are of.
  static let decisions = 50_000.0
  /// For a table of 100,000 lines to be read and made ready, in seconds.
  static let load = 1.0
}

/// What was measured, and what of it was out of bounds.
struct Measurements {
  /// What is too slow, in words.
  private(set) var failures: [String] = []

  /// Measures what `body` does `count` times.
  mutating func measure(
    _ name: String,
    _ count: Int,
    atLeast rate: Double? = nil,
    within limit: Double? = nil,
    _ body: () throws -> Void
  ) rethrows {
    let clock = ContinuousClock()
    let time = try clock.measure(body)
    let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
    record(name, count, seconds, atLeast: rate, within: limit)
  }

  /// Takes what was measured elsewhere.
  mutating func record(
    _ name: String,
    _ count: Int,
    _ seconds: Double,
    atLeast rate: Double? = nil,
    within limit: Double? = nil
  ) {
    let found = Double(count) / seconds
    print("\(name): \(Int(found)) a second (\(count) in \(Int(seconds * 1000)) ms)")
    if let rate, found < rate { failures.append("\(name): fewer than \(Int(rate)) a second") }
    if let limit, seconds > limit { failures.append("\(name): more than \(limit) s") }
  }
}
