// SPDX-License-Identifier: ISC

internal import ControlProtocol
internal import Delivery
internal import Interprocess
internal import Mail

/// Tells operators of the relays, a page for each credit: those that there were when they asked.
struct RelayListing {
  private struct Telling {
    var rows: ArraySlice<RelayRow>
    /// Responses that may be sent.
    var credits = 1
  }

  private var tellings: [UInt32: Telling] = [:]

  /// Somebody asks. Returns what is to be sent.
  mutating func begin(
    _ relays: [RelaySummary],
    id: UInt32,
    at now: Instant
  ) -> [RoleToControl] {
    tellings[id] = Telling(rows: relays.map { RelayRow($0, at: now) }[...])
    return tell(id)
  }

  /// One more response may be sent.
  mutating func more(id: UInt32) -> [RoleToControl] {
    tellings[id]?.credits += 1
    return tell(id)
  }

  mutating func cancel(id: UInt32) { tellings[id] = nil }

  /// Nobody listens any longer.
  mutating func cancelAll() { tellings = [:] }

  private mutating func tell(_ id: UInt32) -> [RoleToControl] {
    var answers: [RoleToControl] = []
    while var telling = tellings[id], telling.credits > 0 {
      guard !telling.rows.isEmpty else {
        tellings[id] = nil
        return answers + [RoleToControl(id: id, .done)]
      }
      let page = telling.rows.prefix(ControlLimits.relaysPerPage)
      telling.rows = telling.rows.dropFirst(page.count)
      telling.credits -= 1
      tellings[id] = telling
      answers.append(RoleToControl(id: id, .relays(Array(page))))
    }
    return answers
  }
}

extension RelayRow {
  /// A relay, in seconds around `now`.
  init(_ relay: RelaySummary, at now: Instant) {
    self.init(
      name: relay.key.description,
      references: relay.references,
      tasks: relay.tasks,
      use: Use(relay.use, until: relay.timeout, at: now)
    )
    if relay.isAsking { waits.insert(.exchangers) }
    if relay.isLimited { waits.insert(.limits) }
    if relay.isHolding { waits.insert(.hold) }
    connectors = relay.connectors.map { connector in
      var row = Connector(
        source: connector.source?.description ?? "[]",
        use: Use(connector.use, until: connector.pause, at: now)
      )
      if connector.use.lastConnection == nil { row.flags.insert(.new) }
      if connector.pause != nil { row.flags.insert(.wait) }
      row.flags.formUnion(connector.obstacles.map(Flag.init))
      return row
    }
  }
}

extension RelayRow.Use {
  fileprivate init(_ use: ConnectionUse, until moment: Instant?, at now: Instant) {
    self.init(
      connections: use.connections,
      last: use.lastConnection.map { max(0, (now - $0).wholeSeconds) },
      timeout: moment.map { max(0, ($0 - now).wholeSeconds) }
    )
  }
}

extension RelayRow.Flag {
  fileprivate init(_ obstacle: RelaySummary.Obstacle) {
    self =
      switch obstacle {
      case .family: .family
      case .blocked: .blocked
      case .host: .limitHost
      case .route: .limitRoute
      case .source: .limitSource
      case .relay: .limitRelay
      case .connector: .limitConnector
      case .domain: .limitDomain
      }
  }
}
