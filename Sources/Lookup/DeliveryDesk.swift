// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail

/// Answers what delivery asks about relays: who we are at a host, and what the relay's tables say.
final class DeliveryDesk {
  private let context: RoleContext
  private let logins: LoginDesk
  private let relays: RelayDesk
  private var edges: [UInt32: Edge<LookupToDelivery, DeliveryToLookup>] = [:]

  init(_ context: RoleContext, _ logins: LoginDesk, _ relays: RelayDesk) {
    self.context = context
    self.logins = logins
    self.relays = relays
  }

  func connect(_ generation: UInt32, _ descriptor: CInt) {
    edges[generation] = Edge(
      descriptor: descriptor,
      peer: .delivery,
      on: context.loop,
      receive: { [unowned self] message in edges[generation]?.send(answer(message)) },
      ended: { [unowned self] ending in
        context.report(ending, of: .delivery)
        edges[generation] = nil
      }
    )
  }

  private func answer(_ message: DeliveryToLookup) -> LookupToDelivery {
    switch message {
    case .login(let token, let action, let label): logins.answer(token, action, label)
    case .relay(let token, let action, let domain): relays.answer(token, action, domain)
    }
  }
}
