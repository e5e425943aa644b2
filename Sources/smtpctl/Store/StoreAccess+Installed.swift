// SPDX-License-Identifier: ISC

import Queue

extension StoreAccess {
  /// The stores that this program was built with.
  static let installed = StoreAccess(
    make: { backend, spool throws(StoreError) in
      throw .unusable(
        path: spool,
        problem: "the backend \(backend) is not part of this program",
        remedy: "use one that was built with it"
      )
    },
    becomeOwner: { spool throws(CommandFailure) in try SpoolFiles.becomeOwner(of: spool) },
    read: { path throws(CommandFailure) in try SpoolFiles.read(path) },
    isDirectory: { path in SpoolFiles.isDirectory(path) }
  )
}
