// SPDX-License-Identifier: ISC

import FilesystemStore

/// Any bytes as a file of the journal, as one change, and as the file of an envelope: read or refused,
/// never a trap, and an envelope that is read can be written and read again.
enum JournalInput {
  static func run(_ bytes: [UInt8]) {
    JournalFuzzing.run(bytes)
  }
}
