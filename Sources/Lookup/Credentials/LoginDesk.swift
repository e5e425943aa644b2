// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import Policy

/// Tells delivery who this host is at the hosts that it relays to: by the action's own table, and by no
/// other that delivery might name.
final class LoginDesk {
  private let context: RoleContext
  private let ruleset: () -> Ruleset
  private var edges: [UInt32: Edge<LookupToDelivery, DeliveryToLookup>] = [:]

  init(_ context: RoleContext, ruleset: @escaping () -> Ruleset) {
    self.context = context
    self.ruleset = ruleset
  }

  func connect(_ generation: UInt32, _ descriptor: CInt) {
    edges[generation] = Edge(
      descriptor: descriptor,
      peer: .delivery,
      on: context.loop,
      receive: { [unowned self] message in
        switch message {
        case .login(let token, let action, let label):
          edges[generation]?.send(answer(token, action, label))
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .delivery)
        edges[generation] = nil
      }
    )
  }

  private func answer(_ token: UInt64, _ action: String, _ label: String) -> LookupToDelivery {
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
