// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

@Suite struct CorpusTests {
  @Test("the corpus is found")
  func found() {
    #expect(CorpusFiles.names.count >= 19)
  }

  @Test(
    "the first line says which page of the manual a file is of, and which part",
    arguments: CorpusFiles.names
  )
  func origin(_ name: String) throws {
    let first = try #require(CorpusFiles.text(name).split(separator: "\n").first)
    let pages = ["smtpd.conf(5), ", "table(5), ", "aliases(5): ", "aliases(5), ", "smtpd.conf, "]
    #expect(pages.contains { first.hasPrefix("# " + $0) }, "\(first)")
  }

  @Test("what an operator of OpenSMTPD writes is understood", arguments: CorpusFiles.names)
  func accepted(_ name: String) {
    let report = CorpusFiles.report(CorpusFiles.text(name))
    #expect(report.errors.map(\.description) == [])
    #expect(report.configuration?.rules.isEmpty == false)
  }

  @Test("the normalised text means the same, and is its own", arguments: CorpusFiles.names)
  func roundTrip(_ name: String) throws {
    let configuration = try #require(CorpusFiles.report(CorpusFiles.text(name)).configuration)
    try expectRoundTrip(of: configuration, CorpusFiles.report)
  }

  @Test("every role is handed what it can read", arguments: CorpusFiles.names)
  func projections(_ name: String) throws {
    let configuration = try #require(CorpusFiles.report(CorpusFiles.text(name)).configuration)
    let frontend = FrontendProjection(configuration)
    #expect(try FrontendProjection(decoding: frontend.encoded()) == frontend)
    let lookup = LookupProjection(configuration)
    #expect(try LookupProjection(decoding: lookup.encoded()) == lookup)
    let queue = QueueProjection(configuration)
    #expect(try QueueProjection(decoding: queue.encoded()) == queue)
    let delivery = DeliveryProjection(configuration)
    #expect(try DeliveryProjection(decoding: delivery.encoded()) == delivery)
  }
}

/// Reads the normalised text again: the same values come out, and the same text.
func expectRoundTrip(
  of configuration: ServerConfiguration,
  _ read: (String) -> ConfigurationReport
) throws {
  let text = configuration.normalizedText
  let report = read(text)
  #expect(report.errors.map(\.description) == [])
  let again = try #require(report.configuration)
  #expect(again.normalizedText == text)
  #expect(again.comparable == configuration.comparable)
}

extension ServerConfiguration {
  /// With what a rewritten file keeps: tables are numbered by their content, rules have no lines.
  fileprivate var comparable: ServerConfiguration {
    var result = self
    var contents: [TableDeclaration] = []
    func renumber(_ index: TableIndex) -> TableIndex {
      var table = tables[index.rawValue]
      if table.name.hasPrefix("<dynamic:") { table.name = "" }
      if let known = contents.firstIndex(of: table) { return TableIndex(known) }
      contents.append(table)
      return TableIndex(contents.count - 1)
    }
    for index in result.rules.indices {
      result.rules[index].line = 0
      result.rules[index].renumber(renumber)
    }
    for index in result.listeners.indices {
      var options = result.listeners[index].options
      options.hostNames = options.hostNames.map(renumber)
      options.authentication.credentials = options.authentication.credentials.map(renumber)
      if let senders = options.senders { options.senders?.table = renumber(senders.table) }
      result.listeners[index].options = options
    }
    for index in result.actions.indices { result.actions[index].renumber(renumber) }
    for index in result.filters.indices { result.filters[index].renumber(renumber) }
    result.resolveChains()
    result.tables = contents
    return result
  }

  /// Chains in place are numbered by their place among all filters.
  private mutating func resolveChains() {
    func resolved(_ name: String?) -> String? {
      guard case .chain(let names)? = filters.first(where: { $0.name == name })?.kind else {
        return name
      }
      return names.joined(separator: ",")
    }
    for index in listeners.indices {
      listeners[index].options.filter = resolved(listeners[index].options.filter)
    }
    socketOptions.filter = resolved(socketOptions.filter)
    for index in actions.indices {
      guard case .relay(var relay) = actions[index].method else { continue }
      relay.filter = resolved(relay.filter)
      actions[index].method = .relay(relay)
    }
    filters.removeAll { $0.name.hasPrefix("<") }
  }
}

extension DeliveryAction {
  fileprivate mutating func renumber(_ number: (TableIndex) -> TableIndex) {
    switch method {
    case .local(var local):
      switch local.aliases {
      case .alias(let table): local.aliases = .alias(number(table))
      case .virtual(let table): local.aliases = .virtual(number(table))
      case nil: break
      }
      local.userBase = local.userBase.map(number)
      method = .local(local)
    case .relay(var relay):
      relay.credentials = relay.credentials.map(number)
      relay.tables.hosts = relay.tables.hosts.map(number)
      relay.tables.domains = relay.tables.domains.map(number)
      relay.tables.sources = relay.tables.sources.map(number)
      relay.tables.heloNames = relay.tables.heloNames.map(number)
      method = .relay(relay)
    }
  }
}

extension Rule {
  fileprivate mutating func renumber(_ number: (TableIndex) -> TableIndex) {
    tag?.renumber(number)
    helo?.renumber(number)
    sender?.renumber(number)
    recipient?.renumber(number)
    switch source {
    case .address(var test):
      test.renumber(number)
      source = .address(test)
    case .reverseName(var test):
      test.renumber(number)
      source = .reverseName(test)
    case .any, .local, .socket, .named: break
    }
    if case .domain(var test) = destination {
      test.renumber(number)
      destination = .domain(test)
    }
    if case .user(var test)? = authentication {
      test.renumber(number)
      authentication = .user(test)
    }
  }
}

extension Rule.Test {
  fileprivate mutating func renumber(_ number: (TableIndex) -> TableIndex) {
    table = number(table)
  }
}

extension Filter {
  fileprivate mutating func renumber(_ number: (TableIndex) -> TableIndex) {
    guard case .builtIn(var builtIn) = kind, var test = builtIn.condition.test else { return }
    test.renumber(number)
    switch builtIn.condition {
    case .reverseName: builtIn.condition = .reverseName(test)
    case .address: builtIn.condition = .address(test)
    case .helo: builtIn.condition = .helo(test)
    case .user: builtIn.condition = .user(test)
    case .sender: builtIn.condition = .sender(test)
    case .recipient: builtIn.condition = .recipient(test)
    case .confirmedName, .named, .authenticated: break
    }
    kind = .builtIn(builtIn)
  }
}
