// SPDX-License-Identifier: ISC

import Mail

@testable import Configuration

/// A configuration in memory, read for a test.
enum Reading {
  static let facts = HostFacts(
    hostName: "mx.example.org",
    interfaces: [
      HostFacts.Interface(name: "lo", addresses: [.inet4(0x7f00_0001), .inet6(0, 1)]),
      HostFacts.Interface(
        name: "eth0",
        groups: ["egress"],
        addresses: [.inet4(0xc000_0201), .inet6(0xfe80_0000_0000_0000, 1)]
      ),
    ],
    services: ["submission": 587, "ten": 10],
    hostsText: "127.0.0.1 localhost # loop\n192.0.2.7\tMail.example.org mail\n"
  )

  /// Reads `text` as the file `t.conf`, with other files beside it.
  static func report(
    _ text: String,
    files: [String: String] = [:],
    macros: [String] = []
  ) -> ConfigurationReport {
    report(Array(text.utf8), files: files, macros: macros)
  }

  static func report(
    _ bytes: [UInt8],
    files: [String: String] = [:],
    macros: [String] = []
  ) -> ConfigurationReport {
    ConfigurationReport(
      reading: "t.conf",
      macros: macros.compactMap(MacroDefinition.init),
      facts: facts
    ) { path throws(UnreadableFile) in
      if path == "t.conf" { return bytes }
      guard let text = files[path] else {
        throw UnreadableFile(reason: "No such file or directory")
      }
      return Array(text.utf8)
    }
  }

  /// Reads a configuration to which a rule is added; `resolve` knows the names of hosts.
  static func resolved(
    _ text: String,
    by resolve: @escaping ConfigurationReport.Resolve
  ) -> ConfigurationReport {
    ConfigurationReport(reading: "t.conf", facts: facts, resolve: resolve) { _ in
      Array("\(text)\nmatch from any for any reject\n".utf8)
    }
  }

  /// Reads a configuration to which a rule is added; `judge` looks at what TLS is to use.
  static func judged(_ text: String, by judge: TLSJudge) -> ConfigurationReport {
    ConfigurationReport(reading: "t.conf", facts: facts, judge: judge) { _ in
      Array("\(text)\nmatch from any for any reject\n".utf8)
    }
  }

  /// The configuration, with a rule added so that it is complete; nil when there are errors.
  static func accepted(
    _ text: String,
    files: [String: String] = [:],
    macros: [String] = []
  ) -> ServerConfiguration? {
    report(text + "\nmatch from any for any reject\n", files: files, macros: macros).configuration
  }

  /// What is shown of the errors of `text`, to which a rule is added.
  static func complaints(_ text: String, files: [String: String] = [:]) -> String {
    report(text + "\nmatch from any for any reject\n", files: files)
      .errors.map(\.description).joined(separator: "\n")
  }
}
