// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

/// A limit by its words, and what may be written behind them.
struct LimitCase: CustomStringConvertible {
  let words: String
  let range: ClosedRange<Int>

  var description: String { words }

  static let all = local + scheduling + relay + reception

  private static let local = LocalLimits.Key.allCases.map { key in
    LimitCase(
      words: "mda limit \(key.rawValue)",
      range: (key == .tasksLow ? 0 : 1)...1_000_000
    )
  }

  private static let scheduling = SchedulingLimits.Key.allCases.map { key in
    LimitCase(words: "scheduler limit \(key.rawValue)", range: 1...10_000_000)
  }

  private static let relay = RelayLimits.Key.allCases.map { key in
    let isDelay =
      key.rawValue.contains("delay") || key == .sessionKeepAlive || key == .tasksLow
    return LimitCase(words: "mta limit \(key.rawValue)", range: (isDelay ? 0 : 1)...1_000_000)
  }

  private static let reception = ReceptionLimits.Key.allCases.map { key in
    let range =
      switch key {
      case .mailsMax, .recipientsMax, .errorsMax: 1...1_000_000
      case .sessionsMax, .clientSessionsMax: 1...100_000
      case .commandLineMax: 1024...65_535
      case .lineMax: 1000...16_777_216
      }
    return LimitCase(words: "smtp limit \(key.rawValue)", range: range)
  }
}

@Suite struct LimitTests {
  @Test("an action's name is as long as an envelope can tell, and no longer")
  func actionName() {
    for (length, isTaken) in [(255, true), (256, false)] {
      let name = String(repeating: "a", count: length)
      let complaints = Reading.complaints("action \(name) relay\nmatch for any action \(name)")
      #expect(complaints.isEmpty == isTaken, "\(length): \(complaints)")
      if !isTaken {
        #expect(complaints.contains("t.conf:1: an action's name is too long\n"))
        #expect(complaints.contains("expected at most 255 characters"))
      }
    }
  }

  private func errors(_ limit: LimitCase, _ value: Int) -> [Complaint] {
    // So that any low mark is below the high one.
    let high = ["mda", "mta"].map { "\($0) limit task-hiwat 1000000\n" }.joined()
    let text = (limit.words.contains("hiwat") ? "" : high) + "\(limit.words) \(value)\n"
    return Reading.report(text + "match from any for any reject\n").errors.map(\.complaint)
  }

  @Test(
    "a limit may be the least and the most of its range, and neither less nor more",
    arguments: LimitCase.all
  )
  func limits(_ limit: LimitCase) {
    for value in [limit.range.lowerBound, limit.range.lowerBound + 1, limit.range.upperBound] {
      #expect(errors(limit, value) == [], "\(limit) \(value)")
    }
    for value in [-1, limit.range.lowerBound - 1, limit.range.upperBound + 1] {
      guard case .outOfRange? = errors(limit, value).first else {
        Issue.record("\(limit) \(value) is accepted")
        continue
      }
    }
  }

  @Test("a listener shows at most 32 certificates")
  func certificates() {
    func errors(_ count: Int) -> [Complaint] {
      let names = (0..<count).map { "n\($0).example" }
      let pkis = names.map { "pki \($0) cert \"/c\"\npki \($0) key \"/k\"\n" }.joined()
      let options = names.map { " pki \($0)" }.joined()
      return Reading.report("\(pkis)listen on lo tls\(options)\nmatch from any for any reject\n")
        .errors.map(\.complaint)
    }
    #expect(errors(32) == [])
    #expect(errors(33) == [.tooMany("pki", limit: 32)])
  }
}
