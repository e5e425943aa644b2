// SPDX-License-Identifier: ISC

/// Guesses which known word a misspelt one was meant to be.
enum Spelling {
  /// The known word with the fewest slips of the finger, if they are few enough; a single letter may
  /// be anything.
  static func nearest(to word: String, in known: [String]) -> String? {
    let letters = Array(word.lowercased().utf8)
    guard 2...40 ~= letters.count else { return nil }
    let allowed = letters.count < 4 ? 1 : letters.count < 9 ? 2 : 3
    var best: (word: String, slips: Int)?
    for candidate in known where abs(candidate.utf8.count - letters.count) <= allowed {
      let slips = slips(letters, Array(candidate.utf8))
      if slips <= allowed, slips < best?.slips ?? .max { best = (candidate, slips) }
    }
    return best?.word
  }

  /// Letters added, left out, changed, or swapped with their neighbour.
  private static func slips(_ first: [UInt8], _ second: [UInt8]) -> Int {
    var older = [Int](repeating: 0, count: second.count + 1)
    var previous = Array(0...second.count)
    for row in 0..<first.count {
      var current = [row + 1]
      for column in 0..<second.count {
        let isSame = first[row] == second[column]
        var cost = min(
          previous[column] + (isSame ? 0 : 1),
          previous[column + 1] + 1,
          current[column] + 1
        )
        if row > 0, column > 0, first[row] == second[column - 1],
          first[row - 1] == second[column]
        {
          cost = min(cost, older[column - 1] + 1)
        }
        current.append(cost)
      }
      older = previous
      previous = current
    }
    return previous[second.count]
  }
}
