// SPDX-License-Identifier: ISC

import KeysEdge
import TLS
import Testing

@Suite("The signatures that are wanted")
struct SignatureQueueTests {
  /// Handshakes that have not been given up.
  private final class Handshakes {
    var given: Set<Int> = []
    var answered: [Int] = []
  }

  private static func fill(_ queue: inout SignatureQueue, _ handshakes: Handshakes, _ count: Int)
    throws
  {
    let key = try #require(KeyName([UInt8](repeating: 1, count: KeyName.length)))
    for number in 0..<count {
      let request = SigningRequest(key: key, algorithm: .ecdsaSHA256, input: [UInt8(number % 256)])
      let isTaken = queue.add(
        SignatureQueue.Question(
          request,
          isWanted: { !handshakes.given.contains(number) },
          answer: { _ in handshakes.answered.append(number) }
        )
      )
      try #require(isTaken)
    }
  }

  private static func asked(_ queue: inout SignatureQueue) -> [UInt64] {
    var tokens: [UInt64] = []
    while let (token, _) = queue.next() { tokens.append(token) }
    return tokens
  }

  @Test("keys is asked a few at a time, in their order")
  func window() throws {
    var queue = SignatureQueue()
    let handshakes = Handshakes()
    try Self.fill(&queue, handshakes, 100)
    var tokens = Self.asked(&queue)
    #expect(tokens.count == SignatureQueue.Limits.asked)
    while !tokens.isEmpty {
      queue.answered(tokens.removeFirst())?.answer([])
      tokens.append(contentsOf: Self.asked(&queue))
    }
    #expect(handshakes.answered == Array(0..<100))
  }

  @Test("a handshake that was given up is not signed for")
  func abandoned() throws {
    var queue = SignatureQueue()
    let handshakes = Handshakes()
    try Self.fill(&queue, handshakes, 1000)
    let first = Self.asked(&queue)
    handshakes.given = Set(10..<990)
    for token in first { queue.answered(token)?.answer([]) }
    let rest = Self.asked(&queue)
    #expect(rest.count == 10)
    for token in rest { queue.answered(token)?.answer([]) }
    let none = Self.asked(&queue)
    #expect(none.isEmpty)
    #expect(handshakes.answered == Array(0..<SignatureQueue.Limits.asked) + Array(990..<1000))
  }

  @Test("those that nobody wants make room for another")
  func full() throws {
    var queue = SignatureQueue()
    let handshakes = Handshakes()
    try Self.fill(&queue, handshakes, SignatureQueue.Limits.all)
    let key = try #require(KeyName([UInt8](repeating: 1, count: KeyName.length)))
    let request = SigningRequest(key: key, algorithm: .ecdsaSHA256, input: [])
    let another = SignatureQueue.Question(request, isWanted: { true }, answer: { _ in })
    var taken = [queue.add(another)]
    handshakes.given = [5]
    taken.append(queue.add(another))
    taken.append(queue.add(another))
    #expect(taken == [false, true, false])
  }

  @Test("a successor of keys is asked again, and for nobody who is gone")
  func again() throws {
    var queue = SignatureQueue()
    let handshakes = Handshakes()
    try Self.fill(&queue, handshakes, 5)
    let tokens = Self.asked(&queue)
    _ = queue.answered(tokens[1])
    handshakes.given = [3]
    let again = queue.again().map(\.token)
    #expect(again == [tokens[0], tokens[2], tokens[4]])
    let gone = [queue.answered(tokens[3]), queue.answered(tokens[1])]
    #expect(gone.allSatisfy { $0 == nil })
  }
}
