// SPDX-License-Identifier: ISC

import ControlProtocol

/// `discover <evpid>|<msgid>`: takes up what was put into the queue by hand.
struct Discover: Command {
  let item: QueueItem

  static let entries = [
    CommandTable.Entry(pattern: [.keyword("discover"), .item]) { parameters in
      Discover(item: parameters.item(at: 0))
    }
  ]

  func run(in context: Context) throws(CommandFailure) {
    try context.refuseDryRun(of: "discover")
    let count = try context.service().count(.discover(item))
    try context.report(
      "discover",
      count,
      CountWording(participle: "discovered", zero: .plural)
    )
  }
}
