// SPDX-License-Identifier: ISC

internal import Configuration
internal import DNS
internal import Interprocess
internal import Mail
internal import NIOCore
internal import ResolverEdge

/// The resolver role: answers the questions of frontend, lookup and delivery.
final class ResolverRole: RoleService {
  typealias AskingEdge = Edge<ResolverReply, ResolverQuery>

  private let context: RoleContext
  private let resolver: ResolverService
  private var edges: [UInt32: AskingEdge] = [:]

  init(_ context: RoleContext, _ projection: ResolverProjection) throws {
    self.context = context
    let mode: ResolverConfiguration.Mode =
      switch projection.settings {
      case .system: .system(resolvConf: projection.resolverText)
      case .recursive: .recursive
      case .servers(let servers):
        .forwarders(servers.map { DNSServer(address: $0.address, port: $0.port) })
      }
    var configuration = ResolverConfiguration(mode: mode)
    configuration.hosts = projection.hostsText
    configuration.trustAnchor = projection.trustAnchor ?? ""
    resolver = try ResolverService(configuration)
    context.tell(.ready)
  }

  func connect(to peer: Role, generation: UInt32, descriptor: CInt) {
    edges[generation] = AskingEdge(
      descriptor: descriptor,
      peer: peer,
      on: context.loop,
      receive: { [unowned self] query in ask(query, for: generation) },
      ended: { [unowned self] ending in
        context.report(ending, of: peer)
        edges[generation] = nil
      }
    )
  }

  private func ask(_ query: ResolverQuery, for generation: UInt32) {
    let me = NIOLoopBound(self, eventLoop: context.loop)
    let loop = context.loop
    resolver.ask(query.question) { answer in
      loop.execute {
        me.value.edges[generation]?.send(ResolverReply(token: query.token, answer: answer))
      }
    }
  }

  func received(_ message: SupervisorToRole, descriptors: [CInt]) {
    for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
  }

  func stop(within milliseconds: UInt32, finished: @escaping () -> Void) { finished() }
}
