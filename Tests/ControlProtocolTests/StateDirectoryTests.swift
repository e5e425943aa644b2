// SPDX-License-Identifier: ISC

import ControlProtocol
import Testing

@Suite("The state directory")
struct StateDirectoryTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var option: String?
    var environment: [String: String] = [:]
    var uid: UInt32 = 1000
    var home: String? = "/home/ann"
    let spool: String
    let socket: String

    var testDescription: String { "\(option ?? "-") \(environment) \(uid) -> \(spool)" }
  }

  static let cases = [
    Case(option: "/x", spool: "/x/spool", socket: "/x/smtpd.sock"),
    Case(option: "var/", spool: "var/spool", socket: "var/smtpd.sock"),
    Case(option: "/", spool: "/spool", socket: "/smtpd.sock"),
    Case(
      option: "/x",
      environment: ["SMTPD_STATE": "/y"],
      uid: 0,
      spool: "/x/spool",
      socket: "/x/smtpd.sock"
    ),
    Case(
      environment: ["SMTPD_STATE": "/y"],
      uid: 0,
      spool: "/y/spool",
      socket: "/y/smtpd.sock"
    ),
    Case(
      environment: ["XDG_STATE_HOME": "/z"],
      uid: 0,
      spool: "/var/spool/smtpd",
      socket: "/run/smtpd.sock"
    ),
    Case(
      environment: ["XDG_STATE_HOME": "/z"],
      spool: "/z/talaria/spool",
      socket: "/z/talaria/smtpd.sock"
    ),
    Case(
      environment: ["XDG_STATE_HOME": "relative"],
      spool: "/home/ann/.local/state/talaria/spool",
      socket: "/home/ann/.local/state/talaria/smtpd.sock"
    ),
    Case(
      environment: ["HOME": "/tmp/h"],
      spool: "/tmp/h/.local/state/talaria/spool",
      socket: "/tmp/h/.local/state/talaria/smtpd.sock"
    ),
    Case(
      environment: ["HOME": ""],
      spool: "/home/ann/.local/state/talaria/spool",
      socket: "/home/ann/.local/state/talaria/smtpd.sock"
    ),
    Case(
      home: "/",
      spool: "/.local/state/talaria/spool",
      socket: "/.local/state/talaria/smtpd.sock"
    ),
  ]

  @Test("The option, the variable, the user decide in this order", arguments: cases)
  func rule(_ example: Case) throws {
    let state = try StateDirectory(
      option: example.option,
      environment: example.environment,
      uid: example.uid,
      home: example.home
    )
    #expect(state.spool == example.spool)
    #expect(state.socket == example.socket)
  }

  @Test("Nothing to go by is an error that says what to give")
  func failures() {
    #expect(throws: StateDirectory.Failure.noHome) {
      try StateDirectory(option: nil, environment: [:], uid: 1, home: nil)
    }
    #expect(throws: StateDirectory.Failure.empty(option: "-S")) {
      try StateDirectory(option: "", environment: [:], uid: 0, home: nil)
    }
    #expect(throws: StateDirectory.Failure.empty(option: "SMTPD_STATE")) {
      try StateDirectory(option: nil, environment: ["SMTPD_STATE": ""], uid: 0, home: nil)
    }
  }

  @Test("the submission socket lies beside the other one, and the offline directory in the spool")
  func submission() {
    let own = StateDirectory(directory: "/x")
    #expect(own.submission == "/x/smtpd-submit.sock" && own.offline == "/x/spool/offline")
    #expect(StateDirectory.system.submission == "/run/smtpd-submit.sock")
    #expect(StateDirectory.system.offline == "/var/spool/smtpd/offline")
  }
}
