// SPDX-License-Identifier: ISC

/// What the program is, by the name that it is started with.
struct Personality: Sendable {
  /// The last part of `argv[0]`.
  let name: String
  /// Does its work; the arguments are those behind the name. Returns the exit status.
  let run: @Sendable ([String]) -> Int32

  /// Every name but `smtpctl`, which any other name stands for.
  static let all = [
    Personality(name: "mailq", run: mailq),
    Personality(name: "makemap") { Makemap.run($0).rawValue },
    Personality(name: "newaliases") { Newaliases.run($0).rawValue },
    Personality(name: "send-mail") { SendmailCommand.run($0) },
    Personality(name: "sendmail") { SendmailCommand.run($0) },
  ]

  @Sendable static func mailq(_ arguments: [String]) -> Int32 {
    Smtpctl.status(of: ["show", "queue"] + arguments).rawValue
  }

  static func named(_ path: String) -> Personality? {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return all.first { $0.name == name }
  }
}
