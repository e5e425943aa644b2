// SPDX-License-Identifier: ISC

internal import Delivery
internal import Interprocess
internal import Mail

/// Delivery's edge to lookup, which has the tables of relays and the credentials.
final class LookupClient {
  typealias LookupEdge = Edge<DeliveryToLookup, LookupToDelivery>

  let logins: LoginClient
  let relayTables: RelayTableClient
  private let context: RoleContext
  private var edge: LookupEdge?
  private var generation: UInt32 = 0

  init(_ context: RoleContext) {
    self.context = context
    logins = LoginClient(context)
    relayTables = RelayTableClient(context)
  }

  func connect(_ generation: UInt32, _ descriptor: CInt) {
    // What the last one was asked it will not answer here.
    edge?.close()
    logins.lost()
    self.generation = generation
    let edge = LookupEdge(
      descriptor: descriptor,
      peer: .lookup,
      on: context.loop,
      receive: { [unowned self] in received($0) },
      ended: { [unowned self] ending in
        context.report(ending, of: .lookup)
        // One that was replaced may end later than its successor begins.
        guard self.generation == generation else { return }
        self.edge = nil
        logins.lost()
        relayTables.lost()
      }
    )
    self.edge = edge
    logins.lookup = edge
    relayTables.connected(edge)
  }

  private func received(_ message: LookupToDelivery) {
    switch message {
    case .login(let token, let user, let password):
      logins.answered(token, .found(user: user, password))
    case .absent(let token): logins.answered(token, .absent)
    case .failed(let token): logins.answered(token, .failed)
    case .relay(let task, let facts): relayTables.answered(task, facts)
    case .refused(let task, let reason): relayTables.answered(task, .refused(reason))
    }
  }
}
