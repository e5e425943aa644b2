// SPDX-License-Identifier: ISC

internal import NIOCore
package import TLS

/// The signatures that a role wants: a few are asked for at a time, and the others wait here, so that who
/// gives up a handshake costs nobody else's. Pure.
package struct SignatureQueue {
  /// Bounds of what waits.
  package enum Limits {
    /// Questions that keys has at a time: enough to keep its threads busy, and soon answered.
    package static let asked = 32
    /// Questions that are not answered, those that keys has among them.
    package static let all = 16_384
  }

  /// One signature.
  package struct Question {
    /// What is to be signed.
    package let request: SigningRequest
    /// Whether the handshake goes on still.
    package let isWanted: () -> Bool
    /// Told the signature, or nil when there will be none.
    package let answer: ([UInt8]?) -> Void

    /// Says all of it.
    package init(
      _ request: SigningRequest,
      isWanted: @escaping () -> Bool,
      answer: @escaping ([UInt8]?) -> Void
    ) {
      self.request = request
      self.isWanted = isWanted
      self.answer = answer
    }
  }

  private var asked: [UInt64: Question] = [:]
  private var waiting = CircularBuffer<Question>()
  private var lastToken: UInt64 = 0

  /// Without questions.
  package init() {}

  /// Takes a question. False when too many wait.
  package mutating func add(_ question: Question) -> Bool {
    if asked.count + waiting.count >= Limits.all { weed() }
    guard asked.count + waiting.count < Limits.all else { return false }
    waiting.append(question)
    return true
  }

  private mutating func weed() { waiting = CircularBuffer(waiting.filter { $0.isWanted() }) }

  /// The next question that keys is to be asked, under this token; nil when it has enough, or none waits.
  package mutating func next() -> (token: UInt64, request: SigningRequest)? {
    while asked.count < Limits.asked, let question = waiting.popFirst() {
      guard question.isWanted() else { continue }
      lastToken += 1
      asked[lastToken] = question
      return (lastToken, question.request)
    }
    return nil
  }

  /// Keys has said something to a question, which is given back unless another has before it.
  package mutating func answered(_ token: UInt64) -> Question? { asked.removeValue(forKey: token) }

  /// What keys was asked is to be asked again, of its successor, by the tokens in rising order. What nobody
  /// wants any more is left out.
  package mutating func again() -> [(token: UInt64, request: SigningRequest)] {
    asked = asked.filter { $0.value.isWanted() }
    return asked.sorted { $0.key < $1.key }.map { ($0.key, $0.value.request) }
  }
}
