// SPDX-License-Identifier: ISC

import Testing

@testable import Interprocess

@Suite("The deadlines of answers")
struct AnswerDeadlinesTests {
  @Test("at the limit, not before, and in the order of asking")
  func order() {
    var deadlines = AnswerDeadlines<Int>(limit: 100)
    deadlines.asked(1, at: 0)
    deadlines.asked(2, at: 0)
    deadlines.asked(3, at: 50)
    #expect(deadlines.takeOverdue(at: 99) == nil)
    #expect(deadlines.takeOverdue(at: 100) == 1)
    #expect(deadlines.takeOverdue(at: 100) == 2)
    #expect(deadlines.takeOverdue(at: 149) == nil)
    #expect(deadlines.takeOverdue(at: 150) == 3)
    #expect(deadlines.takeOverdue(at: 1000) == nil)
  }

  @Test("many, asked and taken by turns")
  func many() {
    var deadlines = AnswerDeadlines<Int>(limit: 10)
    var taken: [Int] = []
    for time in 0..<5000 {
      deadlines.asked(time, at: Int64(time))
      while let key = deadlines.takeOverdue(at: Int64(time)) { taken.append(key) }
    }
    #expect(taken == Array(0..<4990))
  }
}
