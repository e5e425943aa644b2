// SPDX-License-Identifier: ISC

package import ControlProtocol
internal import Interprocess
package import NIOCore
internal import NIOPosix

/// Carries a request to a role. The driver of the control role's edges conforms.
package protocol ControlBackend: AnyObject {
  /// Sends a request, or a credit or an end for one, to a role that was reported as connected.
  func send(_ request: ControlRequest, id: UInt32, to target: ControlTarget)
}

/// The control role's server: clients of the administration socket on one side, roles on the other.
///
/// Lives on one event loop; every call is made on it.
package final class ControlServer {
  let build: String
  let log: (String) -> Void
  private let loop: any EventLoop
  private let allowed: Set<UInt32>
  private let limits: ControlServerLimits
  private unowned let backend: any ControlBackend
  private let statistics: () -> [Statistic]
  private var table: RequestTable
  private var clients: [RequestTable.ClientID: Client] = [:]
  private var lastClient: RequestTable.ClientID = 0
  private var sessions: Int64 = 0
  private var listener: (any Channel)?

  private struct Client {
    let handler: ControlClientHandler
    let user: UInt32
  }

  /// - Parameters:
  ///   - build: what is said in the hello.
  ///   - allowed: the users who may ask, whoever could open the socket.
  ///   - statistics: those of this role, `uptime` among them; `control.session` is added.
  package init(
    build: String,
    allowed: Set<UInt32>,
    backend: any ControlBackend,
    limits: ControlServerLimits = ControlServerLimits(),
    statistics: @escaping () -> [Statistic],
    log: @escaping (String) -> Void,
    on loop: any EventLoop
  ) {
    self.build = build
    self.allowed = allowed
    self.backend = backend
    self.limits = limits
    self.statistics = statistics
    self.log = log
    self.loop = loop
    table = RequestTable(limits: limits, lastID: .random(in: 0 ... .max))
  }

  /// Accepts on a bound, listening Unix socket, and takes it over.
  package func listen(on descriptor: CInt) -> EventLoopFuture<Void> {
    let box = NIOLoopBound(self, eventLoop: loop)
    return ServerBootstrap(group: loop)
      .childChannelInitializer { channel in box.value.accepted(channel) }
      .withBoundSocket(descriptor)
      .map { channel in box.value.listener = channel }
  }

  /// Stops accepting and ends all connections.
  package func close() {
    listener?.close(promise: nil)
    for client in clients.values { client.handler.refuse("the server stops") }
  }

  /// The edge to a role stands.
  package func connected(_ target: ControlTarget) { table.connected(target) }

  /// The edge to a role ended.
  package func lost(_ target: ControlTarget) { perform(table.lost(target)) }

  /// A role responded, still encoded.
  package func received(response content: [UInt8], id: UInt32, from target: ControlTarget) {
    perform(table.received(response: content, id: id, from: target))
  }

  private func accepted(_ channel: any Channel) -> EventLoopFuture<Void> {
    let box = NIOLoopBound(self, eventLoop: loop)
    return PeerCredentials.read(from: channel).flatMapThrowing { credentials in
      try box.value.admit(channel, user: credentials.user)
    }
  }

  /// Makes a connection a client, or ends it with the reason.
  func admit(_ channel: any Channel, user: UInt32) throws {
    lastClient += 1
    let handler = ControlClientHandler(id: lastClient, server: self)
    try channel.pipeline.syncOperations.addHandler(handler)
    let same = clients.values.count { $0.user == user }
    if let reason = refusal(of: user, already: same) {
      log("control: user \(user) refused: \(reason)")
      handler.refuse(reason)
      return
    }
    sessions += 1
    clients[lastClient] = Client(handler: handler, user: user)
  }

  private func refusal(of user: UInt32, already: Int) -> String? {
    guard allowed.contains(user) else { return "need root privileges" }
    guard clients.count < limits.clients, already < limits.clientsPerUser else {
      return "too many clients"
    }
    return nil
  }

  func received(_ request: ControlRequest, id: UInt32, from client: RequestTable.ClientID) {
    var own: [Statistic] = []
    if request == .showStats {
      own = statistics() + [Statistic("control.session", sessions)]
    }
    perform(table.received(request, id: id, from: client, own: own))
  }

  func gone(_ client: RequestTable.ClientID) {
    guard clients.removeValue(forKey: client) != nil else { return }
    perform(table.gone(client))
  }

  private func watch(_ id: UInt32, _ target: ControlTarget) {
    loop.assumeIsolated().scheduleTask(in: TimeAmount(limits.statisticsWait)) { [weak self] in
      guard let self else { return }
      perform(table.late(id, target))
    }
  }

  private func perform(_ actions: [RequestTable.Action]) {
    for action in actions {
      switch action {
      case .send(let request, let id, let target): backend.send(request, id: id, to: target)
      case .watch(let id, let target): watch(id, target)
      case .respond(let client, let id, let content):
        clients[client]?.handler.respond(id: id, content: content)
      case .drop(let client, let reason): clients[client]?.handler.drop(reason)
      }
    }
  }
}
