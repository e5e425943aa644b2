// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue
import Testing

@testable import smtpctl

@Suite("Failures and exit statuses")
struct FailureTests {
  @Test("Without a daemon most commands fail in these words")
  func unreachable() {
    for line in ["pause mda", "show stats", "remove all", "monitor", "discover 000000aa"] {
      #expect(
        Run()(line)
          == Run.Result(errors: "smtpctl: smtpd doesn't seem to be running\n", status: .failure)
      )
    }
  }

  @Test("A socket of somebody else needs root")
  func forbidden() {
    #expect(
      Run(connectFailure: .forbidden)("show queue")
        == Run.Result(errors: "smtpctl: need root privileges\n", status: .failure)
    )
  }

  @Test("A daemon of another version is told as such")
  func incompatible() {
    let daemon = FakeDaemon()
    daemon.hello.version = 99
    #expect(
      Run(daemon: daemon)("show stats")
        == Run.Result(errors: "smtpctl: incompatible smtpctl and smtpd\n", status: .failure)
    )
  }

  @Test("A daemon that takes no more clients says why")
  func refused() {
    let daemon = FakeDaemon()
    daemon.refusal = "too many clients"
    #expect(
      Run(daemon: daemon)("show stats")
        == Run.Result(output: "command failed: too many clients\n", status: .failure)
    )
  }

  @Test("A daemon that is gone before it is greeted has said why, or has not")
  func gone() {
    let daemon = FakeDaemon()
    daemon.isGone = true
    let nothing = "smtpctl: broken answer: the daemon ended the connection\n"
    #expect(Run(daemon: daemon)("show stats") == Run.Result(errors: nothing, status: .failure))
    daemon.refusal = "too many clients"
    #expect(
      Run(daemon: daemon)("show stats")
        == Run.Result(output: "command failed: too many clients\n", status: .failure)
    )
  }

  @Test("Words that are no command exit with 255")
  func invalid() {
    #expect(
      Run()("frobnicate")
        == Run.Result(errors: "smtpctl: invalid command: frobnicate\n", status: .invalid)
    )
    #expect(
      Run()("log")
        == Run.Result(
          errors: "possibilities are:\n  log brief\n  log verbose\n",
          status: .invalid
        )
    )
    #expect(Run()("").status == .invalid)
    #expect(Run()("remove colour=blue").status == .invalid)
    #expect(Run()("remove colour=blue").errors.contains("colour=blue\n^\n"))
    for line in [
      "discover 000000aa", "pause mda", "log brief", "queue quarantine restore x",
      "queue copy fs lmdb",
    ] {
      let daemon = FakeDaemon()
      #expect(Run(daemon: daemon, mode: .dryRun)(line).status == .invalid, "\(line)")
      #expect(daemon.requests.isEmpty, "\(line)")
    }
    #expect(ExitStatus.invalid.rawValue == 255)
  }

  @Test("A reader that goes away ends the command quietly")
  func closedOutput() {
    let daemon = FakeDaemon()
    daemon.answer = { _ in
      [.envelopes([Rows.row()]), .envelopes([Rows.row(0x0000_00ab_0000_0001)]), .done]
    }
    var run = Run(daemon: daemon)
    run.sink = { _ throws(Output.Failure) in throw .closed }
    #expect(run("show queue") == Run.Result())
  }

  @Test("Output that cannot be written is an error")
  func failedOutput() {
    let daemon = FakeDaemon()
    daemon.answer = { _ in [.envelopes([Rows.row()]), .done] }
    var run = Run(daemon: daemon)
    run.sink = { _ throws(Output.Failure) in throw .failed("no space") }
    #expect(
      run("show queue")
        == Run.Result(errors: "smtpctl: standard output: no space\n", status: .failure)
    )
  }

  @Test("Lines before a broken answer are shown, and the fault after them")
  func brokenAnswer() {
    let daemon = FakeDaemon()
    daemon.answer = { _ in [.envelopes([Rows.row()])] }
    let result = Run(daemon: daemon)("show queue")
    #expect(result.output == QueueLineTests.line(Rows.row()))
    #expect(result.errors == "smtpctl: broken answer: the daemon ended the connection\n")
    #expect(result.status == .failure)
  }

  @Test(
    "Nonsense from the daemon is an error and no crash",
    arguments: [
      [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8),
      ControlFrame.request(id: 1, content: []).encoded(),
      ControlFrame.response(id: 1, content: [77]).encoded(),
      ControlFrame.response(id: 0, content: []).encoded(),
    ] as [[UInt8]]
  )
  func nonsense(_ bytes: [UInt8]) {
    let daemon = FakeDaemon()
    daemon.say(bytes)
    #expect(Run(daemon: daemon)("show stats").status == .failure)
  }

  @Test(
    "An answer of another kind is an error",
    arguments: ["show stats", "remove all", "log brief"]
  )
  func wrongKind(_ line: String) {
    let daemon = FakeDaemon()
    daemon.answer = { _ in [.status(SubsystemStatus())] }
    #expect(Run(daemon: daemon)(line).status == .failure)
    daemon.answer = { _ in [.bytes([1]), .done] }
    #expect(Run(daemon: daemon)(line).status == .failure)
  }
}
