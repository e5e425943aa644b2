// SPDX-License-Identifier: ISC

import ControlProtocol
import Queue
import Testing

@testable import smtpctl

@Suite("Stores of a stopped daemon")
struct StoreAccessTests {
  /// A spool whose backend file has the content given.
  static func access(_ backendFile: String?, queueDirectory: StoreAccess.Presence) -> StoreAccess {
    var access = StoreAccess.installed
    access.read = { path throws(CommandFailure) in
      path == "/state/spool/backend" ? backendFile.map { Array($0.utf8) } : nil
    }
    access.isDirectory = { path in path == "/state/spool/queue" ? queueDirectory : .absent }
    access.becomeOwner = { _ throws(CommandFailure) in }
    access.make = { backend, spool throws(StoreError) in
      throw .unusable(path: spool, problem: backend, remedy: "none")
    }
    return access
  }

  @Test(
    "The spool itself says its backend",
    arguments: [
      ("sqlite\n", "sqlite"), ("fs", "fs"), ("lmdb \n", "lmdb"), (nil, "fs"),
    ] as [(String?, String)]
  )
  func backend(_ file: String?, _ expected: String) {
    let result = Run(stores: StoreAccessTests.access(file, queueDirectory: .present))("show queue")
    #expect(result.errors == "smtpctl: /state/spool: \(expected); none\n")
    #expect(result.status == .failure)
  }

  @Test("A word that is no backend is refused", arguments: ["", "ram\n", "postgres\n", "\u{0}"])
  func unknownBackend(_ file: String) {
    let result = Run(stores: StoreAccessTests.access(file, queueDirectory: .present))("show queue")
    #expect(result.errors == "smtpctl: /state/spool/backend: unknown backend\n")
  }

  @Test("Where there is no spool, there is only no daemon")
  func noSpool() {
    #expect(
      Run(stores: StoreAccessTests.access(nil, queueDirectory: .absent))("show queue")
        == Run.Result(errors: "smtpctl: smtpd doesn't seem to be running\n", status: .failure)
    )
  }

  @Test("A place is a directory, perhaps with its backend before it")
  func places() {
    #expect(StorePlace("/a").backend == nil)
    #expect(StorePlace("sqlite:/a").backend == "sqlite")
    #expect(StorePlace("sqlite:/a").directory == "/a")
    #expect(StorePlace("c:/a").directory == "c:/a")
  }

  @Test("A queue is not copied into itself, nor into a place of no kind")
  func refusedCopies() {
    let run = Run(stores: StoreAccessTests.access("fs", queueDirectory: .present))
    #expect(run("queue copy /state/spool fs:/state/spool").status == .invalid)
    #expect(run("queue copy /state/spool /elsewhere").status == .invalid)
    #expect(run("queue copy /nowhere fs:/elsewhere").status == .failure)
  }
}
