// SPDX-License-Identifier: ISC

import LMDBStore

/// Any bytes as the data file of an LMDB environment: borne out or refused, never a trap.
enum LMDBInput {
  static func run(_ bytes: [UInt8]) {
    LMDBFuzzing.run(bytes)
  }
}
