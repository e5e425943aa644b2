// SPDX-License-Identifier: ISC

import ControlProtocol

/// `show message <evpid>|<msgid>`: the message as it is stored, decoded. With `--json` too.
struct ShowMessage: Command {
  let item: QueueItem

  static let entries = [
    CommandTable.Entry(
      pattern: [.keyword("show"), .keyword("message"), .item]
    ) { parameters in
      ShowMessage(item: parameters.item(at: 0))
    }
  ]

  func run(in context: Context) throws(CommandFailure) {
    try context.service().complete(.showMessage(item)) { part throws(CommandFailure) in
      guard case .bytes(let content) = part else {
        throw .brokenAnswer("a message was expected")
      }
      try context.write { $0.append(contentsOf: content) }
    }
  }
}
