// SPDX-License-Identifier: ISC

internal import Configuration
internal import DNS
internal import Delivery
internal import Interprocess
internal import Mail

extension DeliverySettings {
  /// What the projection says, in the delivering role's own terms.
  init(_ projection: DeliveryProjection) {
    self.init()
    for action in projection.actions {
      actions[action.name] =
        switch action.method {
        case .maildir, .command, .mbox: .command
        case .lmtp(let lmtp): .lmtp(LMTPAction(lmtp, serverName: projection.serverName))
        case .expansion: .expansion
        case .relay(let relay): .relay(RelayAction(relay, serverName: projection.serverName))
        }
    }
    relayLimits = Delivery.RelayLimits(projection.relayLimits)
    relayLimitsByDomain = projection.relayLimitsByDomain.mapValues { Delivery.RelayLimits($0) }
    localLimits = Delivery.LocalLimits(projection.localLimits)
    if let name = DomainName(projection.serverName) { ownNames = [name] }
    ownAddresses = Set(projection.localAddresses)
  }
}

extension RelayAction {
  fileprivate init(_ relay: Configuration.DeliveryAction.Relay, serverName: String) {
    self.init(helo: relay.helo ?? serverName)
    hosts = relay.hosts.compactMap { SmartHost($0) }
    sources = relay.sources
    if let name = relay.backup.flatMap({ DomainName($0) }) { backup = .behind(name) }
    heloBySource = relay.heloBySource
    if relay.tables.hosts != nil { tables.insert(.hosts) }
    if relay.tables.domains != nil { tables.insert(.domains) }
    if relay.tables.sources != nil { tables.insert(.sources) }
    if relay.tables.heloNames != nil { tables.insert(.heloNames) }
    security = RelaySecurity(relay.security)
    rewrite = relay.rewrite.map { rewrite in
      switch rewrite {
      case .address(let address): .address(address)
      case .local(let local): .local(local)
      case .domain(let domain): .domain(domain)
      }
    }
  }
}

extension LMTPAction {
  fileprivate init(_ lmtp: Configuration.DeliveryAction.LMTP, serverName: String) {
    let form: Recipient =
      switch lmtp.recipient {
      case .user: .user
      case .address: .address
      }
    switch lmtp.destination {
    case .socket(let path):
      self.init(host: .socket(path), recipient: form, helo: serverName)
    case .host(.address(let address), let port):
      self.init(host: .address(address), port: port, recipient: form, helo: serverName)
    case .host(.name(let text), let port):
      // What is no name of a host is found by no resolver.
      let host = DomainName(text).map { RelayHost.name($0) } ?? .socket(text)
      self.init(host: host, port: port, recipient: form, helo: serverName)
    }
  }
}

extension Delivery.RelaySecurity {
  fileprivate init(_ security: Configuration.DeliveryAction.RelaySecurity) {
    self.init()
    encryption = security.encryption == .required ? .required : .byTransport
    verification = security.verification == .waived ? .waived : .demanded
    certificate = security.certificate
    authority = security.authority
    ciphers = security.ciphers
    protocols = security.protocols
  }
}

extension RelayCertificates {
  /// What the supervisor handed over, by name.
  init(_ package: CertificatePackage) {
    self.init()
    for chain in package.chains { chains[chain.name] = chain.content }
    for authority in package.anchors { anchors[authority.name] = authority.content }
    systemAnchors = package.systemAnchors
  }
}

extension SmartHost {
  init?(_ url: Configuration.RelayURL) {
    let transport: RelayTransport =
      switch url.transport {
      case .smtp: .smtp
      case .smtpRequiringTLS: .smtpTLS
      case .smtpWithoutTLS: .smtpNoTLS
      case .smtps: .smtps
      case .lmtp: .lmtp
      }
    let host: RelayHost
    switch url.host {
    case .address(let address): host = .address(address)
    case .name(let text):
      guard let name = DomainName(text) else { return nil }
      host = .name(name)
    }
    self.init(transport: transport, host: host, port: url.port, label: url.label)
  }
}

extension Delivery.RelayLimits {
  fileprivate init(_ limits: Configuration.RelayLimits) {
    self.init()
    connectionsPerHostMax = limits.connectionsPerHostMax
    connectionsPerRouteMax = limits.connectionsPerRouteMax
    connectionsPerSourceMax = limits.connectionsPerSourceMax
    connectionsPerConnectorMax = limits.connectionsPerConnectorMax
    connectionsPerRelayMax = limits.connectionsPerRelayMax
    connectionsPerDomainMax = limits.connectionsPerDomainMax
    connectionDelayPerHost = .always(limits.connectionDelayHost)
    let usual = Configuration.RelayLimits()
    connectionDelayPerRoute = ConnectionDelay(
      limits.connectionDelayRoute,
      usual: usual.connectionDelayRoute
    )
    connectionDelayPerSource = .always(limits.connectionDelaySource)
    connectionDelayPerConnector = .always(limits.connectionDelayConnector)
    connectionDelayPerRelay = ConnectionDelay(
      limits.connectionDelayRelay,
      usual: usual.connectionDelayRelay
    )
    connectionDelayPerDomain = .always(limits.connectionDelayDomain)
    reconnectionDelayPerRoute = ConnectionDelay(
      limits.reconnectionDelayRoute,
      usual: usual.reconnectionDelayRoute
    )
    sessionMailsMax = limits.sessionMailsMax
    sessionTransactionDelay = limits.sessionTransactionDelay
    sessionKeepAlive = limits.sessionKeepAlive
    sessionFailuresMax = limits.sessionFailuresMax
    tasksHigh = limits.tasksHigh
    tasksLow = limits.tasksLow
    tasksRelease = limits.tasksRelease
    families =
      switch limits.family {
      case .any: .both
      case .inet4: .inet4
      case .inet6: .inet6
      }
  }
}

extension ConnectionDelay {
  /// The usual pause ends with the first sign that the peer is well; one that an operator chose holds
  /// always.
  fileprivate init(_ pause: Duration, usual: Duration) {
    self = pause == usual ? .untilGoodStanding(pause) : .always(pause)
  }
}

extension Delivery.LocalLimits {
  fileprivate init(_ limits: Configuration.LocalLimits) {
    self.init()
    sessionsMax = limits.sessionsMax
    sessionsPerUserMax = limits.sessionsPerUserMax
    tasksHigh = limits.tasksHigh
    tasksLow = limits.tasksLow
    tasksRelease = limits.tasksRelease
    commandTime = limits.timeout
  }
}
