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
      StoreFactory.store(backend, on: try StoreFactory.disk(spool), locking: locking)
    },
    stage: { backend, spool throws(StoreError) in
      guard let stage = StoreFactory.stage(backend, on: try StoreFactory.disk(spool))
      else { return nil }
      return { (message, chunk) throws(StoreError) in try stage.copy(message, chunk) }
    },
    lock: { spool throws(StoreError) in try StoreFactory.lock(on: try StoreFactory.disk(spool)) },
    releaseReserve: { spool throws(StoreError) in
      try StoreFactory.releaseReserve(on: try StoreFactory.disk(spool))
    },
    presence: { backend, spool throws(StoreError) in
      try StoreFactory.isPresent(backend, on: try StoreFactory.disk(spool)) ? .present : .absent
    },
    becomeOwner: { spool, use throws(CommandFailure) in
      try SpoolFiles.becomeOwner(of: spool, toDo: use)
    },
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
