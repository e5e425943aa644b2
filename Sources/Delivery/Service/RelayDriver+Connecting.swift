// SPDX-License-Identifier: ISC

import DNS
import Mail
import NIOCore
import SMTP
import TLS

/// How connections come about, and how they come under TLS.
extension RelayDriver {
  /// The task waits for a session of that relay, once it is known who we are where that has to be said.
  func begin(_ task: UInt64, _ key: RelayKey) {
    guard let label = key.label, let action = key.loginAction else {
      return perform(pool.begin(task: task, for: key, at: now))
    }
    service.logins.ask(action: action, label: label) { [weak self] answer in
      guard let self, service.task(task) != nil else { return }
      switch answer {
      case .found(let user, let password):
        // Asked with every task, so that sessions begin with what the table says now.
        if credentials.count >= Limits.credentials { credentials = [:] }
        credentials[key] = ClientSession.Credentials(user: user, password: password)
        perform(pool.begin(task: task, for: key, at: now))
      case .absent: noCredentials(task, key, "the table has no \(label)")
      case .failed: noCredentials(task, key, "the table cannot be asked")
      }
    }
  }

  private func noCredentials(_ task: UInt64, _ key: RelayKey, _ reason: String) {
    // Sessions that began, or begin for tasks before this one, keep what they know.
    service.log("smtp-out: Failed to retrieve credentials for \(key): \(reason)")
    fail(task, .noCredentials, nil)
  }

  func connect(
    _ id: UInt64,
    _ connection: RelayConnection,
    _ mode: RelaySecurity.Mode,
    _ attempt: Live.Attempt = .first
  ) {
    let live = Live(SessionID(.random(in: 1 ... .max)), connection, mode, attempt)
    sessions[id] = live
    let endpoint = connection.route.endpoint
    if let address = endpoint.address { askPointer(address) }
    let port = if case .inet(_, let port) = endpoint { ":\(port)" } else { "" }
    service.log(
      "\(live.id) mta connecting address=\(connection.relay.transport.rawValue)://\(endpoint)"
        + "\(port) host=\(endpoint.address.flatMap(pointer)?.text ?? "\(endpoint)")"
    )
    let securing: RelaySessionHandler.Securing = { [weak self] () throws(TLSError) in
      guard let self else { throw TLSError("the role is ending") }
      let handler = try tlsHandler(connection, mode)
      sessions[id]?.offersTicket = handler.offersTicket
      return handler
    }
    guard connection.relay.label == nil || credentials[connection.relay] != nil else {
      return fail(id, .authenticationUnavailable)
    }
    let handler = RelaySessionHandler(
      clientSession(connection, mode),
      names: connection.relay.heloBySource,
      securing: securing
    ) { [weak self] event in self?.happened(event, id) }
    live.handler = handler
    var tls: TLSHandler?
    if case .immediate = mode {
      do throws(TLSError) {
        tls = try securing()
      } catch {
        return fail(id, .unsigned(error.reason))
      }
    }
    let channel =
      connection.relay.socketAction.map { service.sockets.connect($0, handler: handler) }
      ?? RelayConnector(eventLoop: service.eventLoop, timeout: service.settings.connectTimeout)
      .connect(connection.route, tls: tls, handler: handler)
    channel.assumeIsolated()
      .whenComplete { [weak self] result in self?.connected(id, result) }
  }

  /// A connection that is not even tried; told later, as every other end.
  private func fail(_ id: UInt64, _ reason: ClientSession.CloseReason) {
    service.eventLoop.assumeIsolated().execute { [weak self] in
      self?.happened(.closed(reason, .begun), id)
    }
  }

  private func clientSession(
    _ connection: RelayConnection,
    _ mode: RelaySecurity.Mode
  ) -> ClientSession {
    let key = connection.relay
    var limits = ClientSession.Limits()
    let settings = service.settings
    let relayLimits = settings.relayLimitsByDomain[key.domain] ?? settings.relayLimits
    limits.failuresMax = relayLimits.sessionFailuresMax
    limits.commandTimeout = settings.peerTimeout
    limits.dataTimeout = settings.peerTimeout
    limits.bodyTimeout = settings.peerTimeout
    return ClientSession(
      name: key.helo,
      dialect: key.transport == .lmtp ? .lmtp : .smtp,
      security: mode.session,
      credentials: credentials[key],
      limits: limits
    )
  }

  /// TLS towards the host by the name that led to it, else by its address.
  private func tlsHandler(
    _ connection: RelayConnection,
    _ mode: RelaySecurity.Mode
  ) throws(TLSError) -> TLSHandler {
    let address = connection.route.endpoint.address.map(\.description)
    let key = connection.relay
    let source = connection.route.source.map(\.description) ?? ""
    return try service.tls.handler(
      connection.relay.security,
      mode,
      host: connection.name?.text ?? address,
      isAddress: connection.name == nil,
      endpoint: connection.route.endpoint,
      identity: "\(source) \(key.helo) \(key.loginAction ?? "") \(key.label ?? "")"
    )
  }

  private func connected(_ id: UInt64, _ result: Result<any Channel, any Error>) {
    guard let live = sessions[id] else { return }
    switch result {
    case .success(let channel):
      live.source = channel.localAddress?.ipAddress
      service.log("\(live.id) mta connected")
    case .failure(let error):
      let reason = ConnectProblem.text(of: error)
      service.log("\(live.id) mta error reason=\(reason)")
      sessions[id] = nil
      let failure =
        live.connection.relay.transport == .lmtp
        ? RelayFailure(.temporary, 4, 1, "Cannot connect to the LMTP server: \(reason)")
        : .networkError
      perform(pool.sessionEnded(id, .failed, failure: failure, at: now))
    }
  }

  func secured(_ live: Live, _ facts: TLSSession.Facts) {
    service.log("\(live.id) mta tls ciphers=\(facts.text)")
    guard facts.peer != .absent else { return }
    let result = facts.peer == .valid ? "valid" : "unverified"
    service.log(
      "\(live.id) mta cert-check result=\"\(result)\" fingerprint=\"\(facts.fingerprintText)\""
    )
  }
}
