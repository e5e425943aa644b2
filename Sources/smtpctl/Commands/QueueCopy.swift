// SPDX-License-Identifier: ISC

import ControlProtocol
import Queue

/// `queue copy <from> <to>`: copies a stopped queue into another store, verified.
struct QueueCopy: Command {
  let source: StorePlace
  let destination: StorePlace

  static let entries = [
    CommandTable.Entry(
      pattern: [.keyword("queue"), .keyword("copy"), .text("from"), .text("to")]
    ) { parameters in
      QueueCopy(
        source: StorePlace(parameters.text(at: 0)),
        destination: StorePlace(parameters.text(at: 1))
      )
    }
  ]

  func run(in context: Context) throws(CommandFailure) {
    throw .failed("queue copy is not part of this build")
  }
}

/// A store on the command line: `backend:directory`, or a directory that says its backend itself.
struct StorePlace: Equatable {
  let backend: String?
  let directory: String

  init(_ text: String) {
    if let colon = text.firstIndex(of: ":"),
      StoreAccess.backends.contains(String(text[..<colon]))
    {
      backend = String(text[..<colon])
      directory = String(text[text.index(after: colon)...])
    } else {
      backend = nil
      directory = text
    }
  }
}
