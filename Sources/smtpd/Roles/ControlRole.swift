// SPDX-License-Identifier: ISC

internal import Control
internal import ControlProtocol
internal import Glibc
internal import Interprocess
internal import Mail
internal import NIOCore

/// The control role: connects `ControlServer` with the roles that answer operators.
final class ControlRole: RoleService, ControlBackend {
  typealias RoleEdge = Edge<ControlToRole, RoleToControl>

  private let context: RoleContext
  private let started = Clock.rising()
  private var server: ControlServer?
  private var edges: [ControlTarget: RoleEdge] = [:]

  init(_ context: RoleContext) {
    self.context = context
    // Whoever started the server, and root, who could do everything anyway.
    let started = started
    server = ControlServer(
      build: TalariaVersion.text,
      allowed: [0, context.identity.owner],
      backend: self,
      statistics: { [Statistic("uptime", (Clock.rising() - started) / 1000)] },
      log: { context.log.line($0) },
      on: context.loop
    )
    context.tell(.ready)
  }

  func connect(to peer: Role, generation: UInt32, descriptor: CInt) {
    guard let target = ControlTarget(rawValue: peer.rawValue) else {
      _ = Descriptor(owning: descriptor)
      return
    }
    if edges[target] != nil {
      edges[target]?.close()
      server?.lost(target)
    }
    edges[target] = RoleEdge(
      descriptor: descriptor,
      peer: peer,
      on: context.loop,
      receive: { [unowned self] message in
        server?.received(response: message.response, id: message.id, from: target)
      },
      ended: { [unowned self] ending in
        context.report(ending, of: peer)
        edges[target] = nil
        server?.lost(target)
      }
    )
    server?.connected(target)
  }

  func send(_ request: ControlRequest, id: UInt32, to target: ControlTarget) {
    edges[target]?.send(ControlToRole(id: id, request: request))
  }

  func received(_ message: SupervisorToRole, descriptors: [CInt]) {
    guard case .listeners = message, let descriptor = descriptors.first else {
      for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
      return
    }
    server?.listen(on: descriptor).whenFailure { [log = context.log] error in
      log.warn("control: listen: \(error)")
    }
  }

  func stop(within milliseconds: UInt32, finished: @escaping () -> Void) {
    server?.close()
    finished()
  }
}
