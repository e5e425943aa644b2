// SPDX-License-Identifier: ISC

internal import Delivery
internal import Interprocess
internal import Mail
internal import NIOCore

/// Delivery's questions about credentials, which lookup has. Without a lookup they fail.
final class LoginClient {
  private let context: RoleContext
  private var asked: Set<UInt64> = []
  /// Nil while there is none.
  var lookup: LookupClient.LookupEdge?
  /// Told the answer to each question once.
  var answer: (_ request: UInt64, LoginAnswer) -> Void = { _, _ in }

  init(_ context: RoleContext) { self.context = context }

  func ask(_ request: UInt64, action: String, label: String) {
    asked.insert(request)
    guard let lookup else {
      // Told later, as every other answer.
      return context.loop.assumeIsolated().execute { [unowned self] in answered(request, .failed) }
    }
    lookup.send(.login(token: request, action: action, label: label))
  }

  func answered(_ request: UInt64, _ result: LoginAnswer) {
    guard asked.remove(request) != nil else { return }
    answer(request, result)
  }

  /// Nobody answers what was asked.
  func lost() {
    lookup = nil
    for request in Array(asked) { answered(request, .failed) }
  }
}
