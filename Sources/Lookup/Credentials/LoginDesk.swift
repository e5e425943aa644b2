// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import Policy

/// Tells delivery who this host is at the hosts that it relays to: by the action's own table, and by no
/// other that delivery might name.
final class LoginDesk {
  private let ruleset: () -> Ruleset

  init(ruleset: @escaping () -> Ruleset) { self.ruleset = ruleset }

  func answer(_ token: UInt64, _ action: String, _ label: String) -> LookupToDelivery {
    switch ruleset().login(for: label, ofAction: action) {
    case .found(let user, let password):
      let limit = DeliveryToLookup.Limits.login
      guard user.utf8.count <= limit, password.count <= limit else {
        return .failed(token: token)
      }
      return .login(token: token, user: user, password)
    case .absent: return .absent(token: token)
    case .failed: return .failed(token: token)
    }
  }
}
