// SPDX-License-Identifier: ISC

import Configuration
import Disk
import Mail
import Queue
import StoreFactory

extension StoreAccess {
  /// The stores that this program was built with.
  static let installed = StoreAccess(
    make: { backend, spool, locking throws(StoreError) in
      try StoreFactory.store(backend, spool: spool, locking: locking)
    },
    stage: { backend, spool throws(StoreError) in
      guard let stage = try StoreFactory.stage(backend, spool: spool) else { return nil }
      return { (message, chunk) throws(StoreError) in try stage.copy(message, chunk) }
    },
    lock: { spool throws(StoreError) in try StoreFactory.lock(spool: spool) },
    presence: { backend, spool throws(StoreError) in
      try StoreFactory.isPresent(backend, spool: spool) ? .present : .absent
    },
    becomeOwner: { spool throws(CommandFailure) in try SpoolFiles.becomeOwner(of: spool) },
    prepare: { spool, model throws(CommandFailure) in
      try SpoolFiles.prepare(spool, like: model)
    },
    canonical: { path in SpoolFiles.canonical(path) },
    read: { path throws(CommandFailure) in try SpoolFiles.read(path) },
    writeBackend: { backend, spool throws(CommandFailure) in
      try SpoolFiles.write(backend.rawValue + "\n", to: "backend", in: spool)
    }
  )
}
