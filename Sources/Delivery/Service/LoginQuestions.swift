// SPDX-License-Identifier: ISC

package import Mail
import NIOCore

/// What lookup says of a label.
package enum LoginAnswer: Equatable, Sendable {
  case found(user: String, Secret)
  case absent
  /// It cannot be known now.
  case failed
}

/// The questions about credentials that are open, and who waits for each.
final class LoginQuestions {
  /// How long an answer may take.
  private static let patience = TimeAmount.seconds(30)

  private unowned let service: DeliveryService
  private var waiting: [UInt64: (LoginAnswer) -> Void] = [:]
  private var lastRequest: UInt64 = 0

  init(_ service: DeliveryService) { self.service = service }

  /// `finished` is told once, and never at once.
  func ask(action: String, label: String, _ finished: @escaping (LoginAnswer) -> Void) {
    lastRequest += 1
    let request = lastRequest
    waiting[request] = finished
    service.emit(.fetchLogin(request: request, action: action, label: label))
    service.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { [weak self] in
      self?.answered(request, .failed)
    }
  }

  /// One that nobody waits for any more is dropped.
  func answered(_ request: UInt64, _ answer: LoginAnswer) {
    waiting.removeValue(forKey: request)?(answer)
  }
}
