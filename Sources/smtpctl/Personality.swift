// SPDX-License-Identifier: ISC

/// What the program is, by the name that it is started with.
struct Personality: Sendable {
  /// The last part of `argv[0]`.
  let name: String
  /// Does its work; the arguments are those behind the name.
  let run: @Sendable ([String]) -> ExitStatus

  /// Every name but `smtpctl`, which any other name stands for.
  static let all = [
    Personality(name: "mailq") { Smtpctl.status(of: ["show", "queue"] + $0) },
    Personality(name: "makemap") { Makemap.run($0) },
    Personality(name: "newaliases") { Newaliases.run($0) },
  ]

  static func named(_ path: String) -> Personality? {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return all.first { $0.name == name }
  }
}
