// SPDX-License-Identifier: ISC

internal import Mail

/// What the delivering role knows of one relay: one line of `show relays`, with its connectors.
package struct RelayRow: Hashable, Sendable {
  /// As log lines have it: `[relay:example.org,smtp,…]`.
  package var name: String
  /// Tasks and sessions that keep it.
  package var references: Int
  /// Tasks that wait for a session.
  package var tasks: Int
  /// Its connections, and when it is looked at again.
  package var use: Use
  /// What it waits for.
  package var waits: Set<Wait> = []
  /// By where it connects from.
  package var connectors: [Connector] = []

  /// Waits for nothing, and has no connectors yet.
  package init(name: String, references: Int, tasks: Int, use: Use) {
    self.name = name
    self.references = references
    self.tasks = tasks
    self.use = use
  }

  /// Connections of something, in seconds before and after now.
  package struct Use: Hashable, Sendable {
    /// That there are, of every state.
    package var connections: Int
    /// Since the last one began; nil: there was none.
    package var last: Int64?
    /// Until another one is tried; nil: nothing is set for that.
    package var timeout: Int64?

    /// In seconds, which are never negative.
    package init(connections: Int, last: Int64? = nil, timeout: Int64? = nil) {
      self.connections = connections
      self.last = last
      self.timeout = timeout
    }
  }

  /// What keeps its tasks.
  package enum Wait: UInt8, CaseIterable, Sendable {
    /// The resolver's answer.
    case exchangers = 0
    /// A limit that others use up.
    case limits = 1
    /// Tasks are kept back in the queue.
    case hold = 2

    /// As `show relays` has it.
    package var word: String {
      switch self {
      case .exchangers: "MX"
      case .limits: "limits"
      case .hold: "ONHOLD"
      }
    }
  }

  /// Where a relay connects from, and what is in its way there.
  package struct Connector: Hashable, Sendable {
    /// An address; `[]`: the system chooses.
    package var source: String
    /// Its connections, and the end of a pause.
    package var use: Use
    /// What is in its way.
    package var flags: Set<Flag> = []

    /// With nothing in its way.
    package init(source: String, use: Use) {
      self.source = source
      self.use = use
    }
  }

  /// In the order of the output.
  package enum Flag: UInt8, CaseIterable, Sendable {
    /// There was no connection yet.
    case new = 0
    /// A pause between two connections.
    case wait = 1
    /// No host has an address of the source's family.
    case family = 2
    /// Every way is out of use.
    case blocked = 3
    case limitHost = 4
    case limitRoute = 5
    case limitSource = 6
    case limitRelay = 7
    case limitConnector = 8
    case limitDomain = 9

    /// As `show relays` has it.
    package var word: String {
      switch self {
      case .new: "NEW"
      case .wait: "WAIT"
      case .family: "ERROR_FAMILY"
      case .blocked: "ERROR_BLOCKED"
      case .limitHost: "LIMIT_HOST"
      case .limitRoute: "LIMIT_ROUTE"
      case .limitSource: "LIMIT_SOURCE"
      case .limitRelay: "LIMIT_RELAY"
      case .limitConnector: "LIMIT_CONN"
      case .limitDomain: "LIMIT_DOMAIN"
      }
    }
  }
}

extension RelayRow {
  func encode(to writer: inout ByteWriter) {
    writer.write(name.cut(to: ControlLimits.relayName))
    writer.writeVariable(UInt64(references))
    writer.writeVariable(UInt64(tasks))
    use.encode(to: &writer)
    writer.write(waits.reduce(UInt8(0)) { $0 | 1 << $1.rawValue })
    let shown = connectors.prefix(ControlLimits.connectorsPerRelay)
    writer.writeVariable(UInt64(shown.count))
    for connector in shown {
      writer.write(connector.source.cut(to: ControlLimits.connectorSource))
      connector.use.encode(to: &writer)
      writer.write(connector.flags.reduce(UInt16(0)) { $0 | 1 << UInt16($1.rawValue) })
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    name = try reader.readString(of: "relay", atMost: ControlLimits.relayName)
    references = try reader.readCount(of: "references", atMost: Int(UInt32.max))
    tasks = try reader.readCount(of: "tasks", atMost: Int(UInt32.max))
    use = try Use(from: &reader)
    let bits = try reader.readByte()
    waits = Set(Wait.allCases.filter { bits & 1 << $0.rawValue != 0 })
    let count = try reader.readCount(of: "connectors", atMost: ControlLimits.connectorsPerRelay)
    for _ in 0..<count {
      let source = try reader.readString(of: "source", atMost: ControlLimits.connectorSource)
      var connector = Connector(source: source, use: try Use(from: &reader))
      let flags: UInt16 = try reader.readInteger()
      connector.flags = Set(Flag.allCases.filter { flags & 1 << UInt16($0.rawValue) != 0 })
      connectors.append(connector)
    }
  }
}

extension RelayRow.Use {
  fileprivate func encode(to writer: inout ByteWriter) {
    writer.writeVariable(UInt64(connections))
    // One more than the number, so that zero says that there is none.
    writer.writeVariable(last.map { UInt64(max(0, $0)) + 1 } ?? 0)
    writer.writeVariable(timeout.map { UInt64(max(0, $0)) + 1 } ?? 0)
  }

  fileprivate init(from reader: inout ByteReader) throws(DecodingError) {
    connections = try reader.readCount(of: "connections", atMost: Int(UInt32.max))
    let last = try reader.readCount(of: "seconds", atMost: Int(UInt32.max))
    let timeout = try reader.readCount(of: "seconds", atMost: Int(UInt32.max))
    self.last = last == 0 ? nil : Int64(last) - 1
    self.timeout = timeout == 0 ? nil : Int64(timeout) - 1
  }
}
