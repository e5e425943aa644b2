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
    stage: { _, _ in nil },
    becomeOwner: { spool throws(CommandFailure) in try SpoolFiles.becomeOwner(of: spool) },
    prepare: { spool, model throws(CommandFailure) in
      try SpoolFiles.prepare(spool, like: model)
    },
    read: { path throws(CommandFailure) in try SpoolFiles.read(path) },
    writeBackend: { backend, spool throws(CommandFailure) in
      try SpoolFiles.write(backend + "\n", to: spool + "/backend")
    },
    isDirectory: { path in SpoolFiles.isDirectory(path) }
  )
}
