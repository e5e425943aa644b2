// SPDX-License-Identifier: ISC

/// Where the queue is stored.
package enum QueueBackend: String, CaseIterable, Sendable {
  case filesystem = "fs"
  case sqlite = "sqlite"
  case lmdb = "lmdb"
  case memory = "ram"
}
