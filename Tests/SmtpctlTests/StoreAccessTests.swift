// SPDX-License-Identifier: ISC

import Configuration
import ControlProtocol
import Queue
import Testing

@testable import smtpctl

@Suite("Stores of a stopped daemon")
struct StoreAccessTests {
  /// A spool whose backend file has the content given, and in it stores of the kinds given.
  static func access(_ backendFile: String?, stores: [QueueBackend] = []) -> StoreAccess {
    var access = StoreAccess.installed
    access.read = { path throws(CommandFailure) in
      path == "/state/spool/backend" ? backendFile.map { Array($0.utf8) } : nil
    }
    access.presence = { backend, spool throws(StoreError) in
      spool == "/state/spool" && stores.contains(backend) ? .present : .absent
    }
    access.becomeOwner = { _, _ throws(CommandFailure) in }
    access.prepare = { _, _ throws(CommandFailure) in }
    access.canonical = { $0 == "/link" ? "/state/spool" : $0 }
    access.lock = { spool throws(StoreError) in throw .busy(path: spool, holder: 17) }
    access.make = { backend, spool, _ throws(StoreError) in
      throw .unusable(path: spool, problem: backend.rawValue, remedy: "none")
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
    let result = Run(stores: StoreAccessTests.access(file, stores: [.filesystem]))("show queue")
    #expect(result.errors == "smtpctl: /state/spool: \(expected); none\n")
    #expect(result.status == .failure)
  }

  @Test("A word that is no backend is refused", arguments: ["", "postgres\n", "\u{0}"])
  func unknownBackend(_ file: String) {
    let result = Run(stores: StoreAccessTests.access(file))("show queue")
    #expect(result.errors == "smtpctl: /state/spool/backend: unknown backend\n")
  }

  @Test("A queue in memory is gone with its daemon")
  func memory() {
    let result = Run(stores: StoreAccessTests.access("ram\n"))("show queue")
    #expect(result.errors == "smtpctl: /state/spool: a queue in memory is gone with its daemon\n")
  }

  @Test("Where there is no spool, there is only no daemon")
  func noSpool() {
    let expected = Run.Result(
      errors: "smtpctl: smtpd doesn't seem to be running\n",
      status: .failure
    )
    #expect(Run(stores: StoreAccessTests.access(nil))("show queue") == expected)
    #expect(Run()("show queue") == expected)
  }

  @Test("A place is a backend, perhaps with a directory behind it")
  func places() {
    #expect(StorePlace("sqlite")?.backend == .sqlite)
    #expect(StorePlace("sqlite")?.directory == nil)
    #expect(StorePlace("fs:/a:b")?.backend == .filesystem)
    #expect(StorePlace("fs:/a:b")?.directory == "/a:b")
    for text in ["/a", "", "fs:", "ram", "ram:/a", "c:/a", "SQLITE", ":"] {
      #expect(StorePlace(text) == nil, "\(text)")
    }
  }

  enum Refusal {
    case invalid
    case failure

    var status: smtpctl.ExitStatus { self == .invalid ? .invalid : .failure }
  }

  @Test(
    "A copy into itself, from nothing, or of no kind is refused",
    arguments: [
      ("lmdb lmdb", .invalid, "smtpctl: a queue cannot be copied into itself\n"),
      ("lmdb lmdb:/link", .invalid, "smtpctl: a queue cannot be copied into itself\n"),
      (
        "lmdb /b", .invalid,
        "smtpctl: /b: expected fs, sqlite or lmdb, or one of them and :directory\n"
      ),
      (
        "sqlite fs", .failure,
        "smtpctl: /state/spool: there is no sqlite queue; say where it is: "
          + "queue copy sqlite:DIRECTORY …\n"
      ),
      ("lmdb fs", .failure, "smtpctl: /state/spool is in use by process 17\n"),
      ("lmdb fs:/b", .failure, "smtpctl: /state/spool: lmdb; none\n"),
    ] as [(String, Refusal, String)]
  )
  func refusedCopies(_ words: String, _ refusal: Refusal, _ text: String) {
    let run = Run(stores: StoreAccessTests.access("lmdb", stores: [.lmdb]))
    #expect(run("queue copy \(words)") == Run.Result(errors: text, status: refusal.status))
  }
}
