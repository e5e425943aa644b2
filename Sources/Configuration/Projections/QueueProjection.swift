// SPDX-License-Identifier: ISC

package import Mail

/// What the queue is handed: the store's kind, how long things wait, and when to hold.
package struct QueueProjection: Hashable, Sendable {
  /// An action as far as the queue needs it.
  package struct Action: Hashable, Sendable {
    package var name: String
    package var kind: LookupProjection.Action.Kind
    /// Nil is the queue's own.
    package var timeToLive: Duration?
    package var route = Route.byDomain

    /// Whether all of its mail goes the same way.
    package enum Route: UInt8, CaseIterable, Sendable {
      /// To the mail exchangers of each recipient's domain.
      case byDomain = 0
      /// To the hosts that the action names.
      case fixed = 1
    }

    package init(
      name: String,
      kind: LookupProjection.Action.Kind,
      timeToLive: Duration? = nil,
      route: Route = .byDomain
    ) {
      self.name = name
      self.kind = kind
      self.timeToLive = timeToLive
      self.route = route
    }
  }

  package var serverName: String
  package var backend: QueueBackend
  package var timeToLive: Duration
  package var warnIntervals: [Duration]
  package var actions: [Action]
  package var schedulingLimits: SchedulingLimits
  package var localLimits: LocalLimits
  package var relayLimits: RelayLimits
  package var relayLimitsByDomain: [String: RelayLimits]
  package var deferredMax: Int
  /// Whether new messages are compressed.
  package var compression: QueueCompression
  /// A key that has to be asked for is put in before this is handed out.
  package var encryption: QueueEncryption

  package init(_ configuration: ServerConfiguration) {
    serverName = configuration.serverName
    backend = configuration.backend
    timeToLive = configuration.timeToLive
    warnIntervals = configuration.warnIntervals
    actions = configuration.actions.map { action in
      let (kind, route): (LookupProjection.Action.Kind, Action.Route) =
        switch action.method {
        // A wrapper's input is one message for one user, whoever is behind it.
        case .local(let local):
          (.local, local.agent.servesMany && local.wrapper == nil ? .fixed : .byDomain)
        case .relay(let relay): (.relay, relay.namesHosts ? .fixed : .byDomain)
        }
      return Action(
        name: action.name,
        kind: kind,
        timeToLive: action.timeToLive,
        route: route
      )
    }
    schedulingLimits = configuration.schedulingLimits
    localLimits = configuration.localLimits
    relayLimits = configuration.relayLimits
    relayLimitsByDomain = configuration.relayLimitsByDomain
    deferredMax = configuration.deferredMax
    compression = configuration.compression
    encryption = configuration.encryption
  }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(serverName)
    writer.write(backend.rawValue)
    writer.write(record: timeToLive)
    writer.write(records: warnIntervals)
    writer.write(records: actions)
    writer.write(record: schedulingLimits)
    writer.write(record: localLimits)
    writer.write(record: relayLimits)
    writer.write(limitsByDomain: relayLimitsByDomain)
    writer.write(number: deferredMax)
    writer.write(compression.rawValue)
    writer.write(record: encryption)
    return writer.finish()
  }

  package init(decoding bytes: [UInt8]) throws(DecodingError) {
    var reader = ByteReader(bytes)
    serverName = try reader.readRecord()
    let name = try reader.readRecord(String.self)
    guard let backend = QueueBackend(rawValue: name) else { throw .invalid(field: "backend") }
    self.backend = backend
    timeToLive = try reader.readRecord()
    warnIntervals = try reader.readRecords()
    actions = try reader.readRecords()
    schedulingLimits = try reader.readRecord()
    localLimits = try reader.readRecord()
    relayLimits = try reader.readRecord()
    relayLimitsByDomain = try reader.readLimitsByDomain()
    deferredMax = try reader.readNumber()
    compression = try reader.readEnumeration()
    encryption = try reader.readRecord()
    try reader.expectEnd()
  }
}

extension QueueProjection.Action: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(name)
    writer.write(kind.rawValue)
    writer.write(optional: timeToLive)
    writer.write(route.rawValue)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(
      name: try reader.readRecord(),
      kind: try reader.readEnumeration(),
      timeToLive: try reader.readOptional(),
      route: try reader.readEnumeration()
    )
  }
}

extension QueueEncryption: Record {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .none: writer.write(UInt8(0))
    case .prompted: writer.write(UInt8(1))
    case .standardInput: writer.write(UInt8(2))
    case .key(let key):
      writer.write(UInt8(3))
      writer.write(key)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self =
      switch try reader.readByte() {
      case 0: .none
      case 1: .prompted
      case 2: .standardInput
      case 3: .key(try reader.readRecord())
      default: throw .invalid(field: "encryption")
      }
  }
}
