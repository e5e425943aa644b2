// SPDX-License-Identifier: ISC

internal import Delivery
internal import Interprocess
internal import Mail
internal import NIOCore

/// Delivery's way to the credentials, which lookup has.
final class LoginClient {
  private let context: RoleContext
  private let answer: (_ request: UInt64, LoginAnswer) -> Void
  private var lookup: Edge<DeliveryToLookup, LookupToDelivery>?
  private var generation: UInt32 = 0
  private var asked: Set<UInt64> = []

  init(_ context: RoleContext, answer: @escaping (_ request: UInt64, LoginAnswer) -> Void) {
    self.context = context
    self.answer = answer
  }

  func connect(_ generation: UInt32, _ descriptor: CInt) {
    // What the last one was asked it will not answer here.
    lookup?.close()
    failQuestions()
    self.generation = generation
    lookup = Edge(
      descriptor: descriptor,
      peer: .lookup,
      on: context.loop,
      receive: { [unowned self] message in
        switch message {
        case .login(let token, let user, let password):
          answered(token, .found(user: user, password))
        case .absent(let token): answered(token, .absent)
        case .failed(let token): answered(token, .failed)
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .lookup)
        guard self.generation == generation else { return }
        lookup = nil
        failQuestions()
      }
    )
  }

  func ask(_ request: UInt64, action: String, label: String) {
    asked.insert(request)
    guard let lookup else {
      // Told later, as every other answer.
      return context.loop.assumeIsolated().execute { [unowned self] in answered(request, .failed) }
    }
    lookup.send(.login(token: request, action: action, label: label))
  }

  private func answered(_ request: UInt64, _ result: LoginAnswer) {
    guard asked.remove(request) != nil else { return }
    answer(request, result)
  }

  private func failQuestions() {
    for request in Array(asked) { answered(request, .failed) }
  }
}
