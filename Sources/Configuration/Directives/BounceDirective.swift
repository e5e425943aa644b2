// SPDX-License-Identifier: ISC

/// `bounce warn-interval DURATION[, DURATION…]`.
extension Parser {
  /// Further durations are read and ignored.
  private static var warnIntervalsMax: Int { 4 }

  mutating func parseBounce() throws(SyntaxFault) {
    _ = try choice(of: "bounce", among: ["warn-interval"])
    var intervals = [try duration()]
    while try accept(symbol: ",") { intervals.append(try duration()) }
    try endOfStatement(["\",\""])
    draft.warnIntervals = Array(intervals.prefix(Parser.warnIntervalsMax))
  }
}
