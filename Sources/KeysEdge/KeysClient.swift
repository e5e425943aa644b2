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

  private let context: RoleContext
  private var edge: KeysEdge?
  private var generation: UInt32 = 0
  private var questions = SignatureQueue()
  private var shown: UInt32?

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
    for (token, request) in questions.again() { send(token, request) }
    askOn()
  }

  /// Asks for a signature. `answer` is called later on the loop, with nil when there will be none, or never
  /// when it is not wanted any more, or no keys role ever comes: who asks has to have a deadline.
  package func sign(
    _ request: SigningRequest,
    isWanted: @escaping () -> Bool,
    _ answer: @escaping ([UInt8]?) -> Void
  ) {
    guard questions.add(SignatureQueue.Question(request, isWanted: isWanted, answer: answer)) else {
      return context.loop.assumeIsolated().execute { answer(nil) }
    }
    askOn()
  }

  private func askOn() {
    while let (token, request) = questions.next() { send(token, request) }
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
    questions.answered(token)?.answer(signature)
    askOn()
  }
}
