// SPDX-License-Identifier: ISC

import Configuration
import Mail

/// Any bytes as a configuration that may include itself; what is shown of them has to be text, and
/// what is accepted has to survive its way to the roles.
enum ConfigurationInput {
  static func run(_ bytes: [UInt8]) {
    let facts = HostFacts(
      hostName: "mx.example.org",
      interfaces: [
        HostFacts.Interface(name: "lo", addresses: [.inet4(0x7f00_0001), .inet6(0, 1)])
      ],
      hostsText: "127.0.0.1 localhost\n"
    )
    func read(_ path: String) throws(UnreadableFile) -> [UInt8] {
      if path == "fuzz" || path == "/self" { return bytes }
      guard path.hasPrefix("/") else { throw UnreadableFile(reason: "absent") }
      return Array(bytes.prefix(200))
    }
    let report = ConfigurationReport(reading: "fuzz", facts: facts, open: read)
    let judged = ConfigurationReport(
      reading: "fuzz",
      facts: facts,
      tables: TableJudge(faults: allTables),
      open: read
    )
    for diagnostic in report.diagnostics + judged.diagnostics {
      let text = diagnostic.description.utf8
      precondition(text.allSatisfy { $0 >= 0x20 || $0 == 0x0a || $0 == 0x09 })
    }
    guard let configuration = report.configuration else { return }
    let lookup = LookupProjection(configuration)
    let delivery = DeliveryProjection(configuration)
    let queue = QueueProjection(configuration)
    let frontend = FrontendProjection(configuration)
    precondition((try? FrontendProjection(decoding: frontend.encoded())) == frontend)
    precondition((try? LookupProjection(decoding: lookup.encoded())) == lookup)
    precondition((try? DeliveryProjection(decoding: delivery.encoded())) == delivery)
    precondition((try? QueueProjection(decoding: queue.encoded())) == queue)
    let text = configuration.normalizedText
    let again = ConfigurationReport(reading: "fuzz", facts: facts) { path throws(UnreadableFile) in
      guard path == "fuzz" || path.hasPrefix("/") else { throw UnreadableFile(reason: "absent") }
      return path == "fuzz" ? Array(text.utf8) : path == "/self" ? bytes : Array(bytes.prefix(200))
    }
    precondition(again.configuration?.normalizedText == text)
  }

  /// What a host finds whose files are all of no use, of a configuration that need not be good.
  private static func allTables(_ configuration: ServerConfiguration) -> [TableJudge.Fault] {
    LookupProjection(configuration).tables.enumerated().compactMap { index, table in
      switch table.content {
      case .file, .database: TableJudge.Fault(TableIndex(index), reason: "no use")
      case .list, .map, .systemAccounts, .helper: nil
      }
    }
  }
}
