// SPDX-License-Identifier: ISC

import CProbe
import Glibc
import Interprocess
import RolePromises
import Sandbox
import Testing

/// What each role may do, told by the kernel: a process confined as the role is tries it.
@Suite("The kernel holds each role to its promises")
struct RoleProbeTests {
  typealias Outcome = ProbeRun.Outcome

  private static let support = KernelSupport.current
  private static let ground = Result { try ProbeGround() }

  @Test(
    "each thing that a role must not do ends it or is refused, each that it must works",
    .enabled(if: support.filtersCalls && support.landlock > 0),
    arguments: RolePromises.bound
  )
  func attempts(role: Role) throws {
    let ground = try RoleProbeTests.ground.get()
    let expectations = Expectation.all(ground, landlock: RoleProbeTests.support.landlock)
    #expect(RoleProbeTests.names.sorted() == expectations.keys.sorted())
    for (attempt, expectation) in expectations.sorted(by: { $0.key < $1.key }) {
      let run = try ProbeRun(
        role,
        attempt,
        expectation.argument,
        spool: ground.spool,
        port: ground.port
      )
      let wanted = expectation.but[role] ?? expectation.usual
      #expect(run.outcome == wanted, "\(role) \(attempt): \(run.output)\(run.errors)")
      guard wanted == .killed else { continue }
      let line = "fatal: \(role.rawValue): promise broken: \(expectation.call)"
      #expect(run.errors.hasPrefix(line), "\(role) \(attempt): \(run.errors)")
    }
  }

  @Test(
    "the resolver connects to its servers' ports only",
    .enabled(if: support.filtersCalls && support.landlock >= 4)
  )
  func ports() throws {
    let ground = try RoleProbeTests.ground.get()
    let run = try ProbeRun(.resolver, "connect", "\(ground.otherPort)", port: ground.port)
    #expect(run.outcome == .refused, "\(run.errors)")
    let own = try ProbeRun(.resolver, "connect", "\(ground.otherPort)", port: ground.otherPort)
    #expect(own.outcome == .works, "\(own.output)\(own.errors)")
    for call in ["send-first", "send-first-message"] {
      let past = try ProbeRun(.resolver, call, "\(ground.otherPort)", port: ground.port)
      #expect(past.output == "\(EOPNOTSUPP)\n", "\(call): \(past.errors)")
    }
  }

  /// For what the probe is told: 10 sessions, 2 listeners, 20 envelopes, 4 deliveries, 3 tables.
  static let fileLimits: [(Role, Int)] = [
    (.accounts, 256), (.frontend, 268), (.lookup, 198), (.resolver, 512), (.queue, 1054),
    (.delivery, 304), (.keys, 256), (.control, 192),
  ]

  @Test("a role opens as many files as it needs, and not one more", arguments: fileLimits)
  func openFiles(role: Role, most: Int) throws {
    #expect(RolePromises.bound.contains(role))
    let enough = try ProbeRun(role, "open-files", "\(most - 1)")
    #expect(enough.outcome == .works, "\(enough.output)\(enough.errors)")
    let more = try ProbeRun(role, "open-files", "\(most)")
    #expect(more.outcome == .refused)
    #expect(more.output == "\(EMFILE)\n")
  }

  @Test("promises that were given up are gone", .enabled(if: support.filtersCalls))
  func narrowing() throws {
    #expect(try ProbeRun(.delivery, "tcp-socket", narrowingTo: "stdio,inet").outcome == .works)
    #expect(try ProbeRun(.delivery, "tcp-socket", narrowingTo: "stdio").outcome == .killed)
  }

  @Test("a promise that was not made cannot be had later")
  func growing() throws {
    let run = try ProbeRun(.delivery, "exec", narrowingTo: "stdio,exec,proc")
    #expect(run.outcome == .failed(3 << 8))
    #expect(run.output == "sandbox: narrow: not promised: exec proc\n")
  }

  @Test(
    "with -T sandbox a broken promise is a line in the log, and goes through",
    .enabled(if: support.filtersCalls)
  )
  func logging() throws {
    let ground = try RoleProbeTests.ground.get()
    let socket = try ProbeRun(.frontend, "tcp-socket", mode: "logged")
    #expect(socket.outcome == .works)
    #expect(
      socket.errors == "warn: frontend: sandbox: promise broken: socket(0x2, 0x1, 0x0, …)\n"
    )
    let file = try ProbeRun(.lookup, "write-file", ground.directory + "/written", mode: "logged")
    #expect(file.outcome == .works, "\(file.output)\(file.errors)")
    let unknown = try ProbeRun(.queue, "unknown", mode: "logged", spool: ground.spool)
    #expect(unknown.outcome == .refused)
    #expect(unknown.errors.hasPrefix("warn: queue: sandbox: refused with error 38: call 2000("))
    let allowed = try ProbeRun(.queue, "files", ground.spool, mode: "logged", spool: ground.spool)
    #expect(allowed.outcome == .works)
    #expect(allowed.errors == "")
  }

  @Test(
    "with -T sandbox a role is not dumpable, gains no privileges, and leaves no core, all the same",
    arguments: RolePromises.bound
  )
  func loggedLimits(role: Role) throws {
    let run = try ProbeRun(role, "limits", mode: "logged")
    #expect(run.outcome == .works, "\(role): \(run.output)\(run.errors)")
  }

  @Test("who promises to run programs can", .enabled(if: support.filtersCalls))
  func running() throws {
    let words = "stdio,rpath,proc,exec,prot_exec"
    let run = try ProbeRun(words, "run")
    #expect(run.outcome == .works, "\(run.output)\(run.errors)")
    #expect(try ProbeRun(words, "become").outcome == .killed)
    #expect(try ProbeRun(words + ",id", "become").outcome == .works)
    #expect(try ProbeRun("stdio,sendfd", "send-descriptor").outcome == .works)
    #expect(try ProbeRun("stdio,unix", "unix-socket").outcome == .works)
  }

  @Test("where the kernel lacks a part the rest holds", .enabled(if: support.landlock > 0))
  func missingParts() throws {
    let ground = try RoleProbeTests.ground.get()
    for attempt in ["read-file", "overwrite"] {
      let run = try ProbeRun(.frontend, attempt, ground.key, mode: "no-seccomp")
      #expect(run.outcome == .refused, "\(attempt)")
      #expect(run.output == "\(EACCES)\n")
    }
    #expect(try ProbeRun(.frontend, "limits", mode: "no-seccomp").outcome == .works)
    #expect(try ProbeRun(.frontend, "tcp-socket", mode: "no-seccomp").outcome == .works)
    guard RoleProbeTests.support.filtersCalls else { return }
    #expect(try ProbeRun(.frontend, "limits", mode: "no-landlock").outcome == .works)
    #expect(try ProbeRun(.frontend, "tcp-socket", mode: "no-landlock").outcome == .killed)
    let outside = try ProbeRun(.queue, "overwrite", ground.key, mode: "no-landlock")
    #expect(outside.outcome == .works)
  }

  /// What the probe can try.
  private static let names: [String] = {
    var names: [String] = []
    // A constant list of constant texts with nil at its end.
    var entry = unsafe probe_names()
    while let text = unsafe entry?.pointee {
      names.append(unsafe String(cString: text))
      unsafe entry = entry?.advanced(by: 1)
    }
    return names
  }()
}
