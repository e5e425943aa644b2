// SPDX-License-Identifier: ISC

package import Interprocess
internal import NIOCore
package import TLS

/// A role's way to the keys: asks for signatures, many at a time, and waits for none.
///
/// A keys role that is slow delays its answers and nothing else. What one that died did not answer is
/// asked of its successor: to sign twice does no harm.
package final class KeysClient {
  private typealias KeysEdge = Edge<ToKeys, FromKeys>

  /// Bounds of what waits.
  package enum Limits {
    /// Questions without an answer; beyond it the answer is that there is none.
    package static let questions = 16_384
  }

  private let context: RoleContext
  private var edge: KeysEdge?
  private var generation: UInt32 = 0
  private var asked: [UInt64: Question] = [:]
  private var nextToken: UInt64 = 0
  private var shown: UInt32?

  private struct Question {
    let request: SigningRequest
    let answer: ([UInt8]?) -> Void
  }

  /// A client without an edge yet.
  package init(_ context: RoleContext) { self.context = context }

  /// A new edge; owns the descriptor.
  package func connect(_ generation: UInt32, _ descriptor: CInt) {
    self.generation = generation
    edge = KeysEdge(
      descriptor: descriptor,
      peer: .keys,
      on: context.loop,
      receive: { [unowned self] message in
        switch message {
        case .signed(let token, let signature): answer(token, signature)
        case .refused(let token):
          context.log.warn("\(context.role.rawValue): keys refused a signature")
          answer(token, nil)
        case .ticketKeys(let keys): TLSContext.useTicketKeys(keys)
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .keys)
        // One that was replaced may end later than its successor begins.
        if self.generation == generation { edge = nil }
      }
    )
    if let shown { edge?.send(.shows(generation: shown)) }
    for (token, question) in asked.sorted(by: { $0.key < $1.key }) { send(token, question.request) }
  }

  /// Asks for a signature. `answer` is called later on the loop, with nil when there will be none, or never
  /// when no keys role ever comes: who asks has to have a deadline.
  package func sign(_ request: SigningRequest, _ answer: @escaping ([UInt8]?) -> Void) {
    guard asked.count < Limits.questions else {
      return context.loop.assumeIsolated().execute { answer(nil) }
    }
    nextToken += 1
    asked[nextToken] = Question(request: request, answer: answer)
    send(nextToken, request)
  }

  /// Handshakes that begin from now on are made with certificates of this generation, or a later one. Keys
  /// drops those of others once the handshakes before them are over.
  package func shows(_ generation: UInt32) {
    shown = generation
    edge?.send(.shows(generation: generation))
  }

  private func send(_ token: UInt64, _ request: SigningRequest) {
    edge?.send(
      .sign(
        token: token,
        SignatureQuestion(
          key: request.key.bytes,
          algorithm: request.algorithm.rawValue,
          input: request.input
        )
      )
    )
  }

  private func answer(_ token: UInt64, _ signature: [UInt8]?) {
    asked.removeValue(forKey: token)?.answer(signature)
  }
}
