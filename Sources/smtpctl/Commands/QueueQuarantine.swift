// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue

/// `queue quarantine list`, `show <name>` and `restore <name>`: records that could not be read.
struct QueueQuarantine: Command {
  enum Action {
    case list
    case show(name: String)
    case restore(name: String)
  }

  let action: Action

  static let entries = [
    CommandTable.Entry(
      pattern: [.keyword("queue"), .keyword("quarantine"), .keyword("list")]
    ) { _ in
      QueueQuarantine(action: .list)
    },
    CommandTable.Entry(
      pattern: [.keyword("queue"), .keyword("quarantine"), .keyword("show"), .text("name")]
    ) { parameters in
      QueueQuarantine(action: .show(name: parameters.text(at: 0)))
    },
    CommandTable.Entry(
      pattern: [.keyword("queue"), .keyword("quarantine"), .keyword("restore"), .text("name")]
    ) { parameters in
      QueueQuarantine(action: .restore(name: parameters.text(at: 0)))
    },
  ]

  func run(in context: Context) throws(CommandFailure) {
    switch action {
    case .list: try list(in: context)
    case .show(let name):
      try check(name)
      try context.service().complete(.quarantineShow(name: name)) { part throws(CommandFailure) in
        guard case .bytes(let content) = part else {
          throw .brokenAnswer("a record was expected")
        }
        try context.write { $0.append(contentsOf: content) }
      }
    case .restore(let name):
      try context.refuseDryRun(of: "queue quarantine restore")
      try check(name)
      let count = try context.service().count(.quarantineRestore(name: name))
      try context.report(
        "queue quarantine restore",
        count,
        CountWording(participle: "restored", zero: .plural)
      )
    }
  }

  private func check(_ name: String) throws(CommandFailure) {
    guard name.utf8.count <= ControlLimits.name else {
      throw .invalid("smtpctl: the record's name is too long")
    }
  }

  private func list(in context: Context) throws(CommandFailure) {
    try context.service().complete(.quarantineList) { part throws(CommandFailure) in
      guard case .quarantine(let records) = part else {
        throw .brokenAnswer("records were expected")
      }
      for record in records {
        switch context.style {
        case .plain: try context.write { QueueQuarantine.append(record, to: &$0) }
        case .json:
          try context.json { line in
            line.add("name", record.name)
            line.add("since", record.when.seconds)
            line.add("size", Int64(record.size))
            line.add("reason", record.reason)
          }
        }
      }
    }
  }

  /// `name|since|size|reason`.
  private static func append(_ record: QuarantinedRecord, to bytes: inout [UInt8]) {
    bytes.append(visible: record.name)
    bytes.append(UInt8(ascii: "|"))
    bytes.append(decimal: record.when.seconds)
    bytes.append(UInt8(ascii: "|"))
    bytes.append(decimal: Int64(record.size))
    bytes.append(UInt8(ascii: "|"))
    bytes.append(visible: record.reason)
    bytes.append(UInt8(ascii: "\n"))
  }
}
