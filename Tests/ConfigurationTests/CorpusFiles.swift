// SPDX-License-Identifier: ISC

import Mail
import TestFiles

@testable import Configuration

/// Configurations as operators write them: the files of the folder `Corpus`.
enum CorpusFiles {
  /// A host with the interfaces that the files name.
  static let facts = HostFacts(
    hostName: "mx.example.org",
    interfaces: [
      HostFacts.Interface(name: "lo0", addresses: [.inet4(0x7f00_0001), .inet6(0, 1)]),
      HostFacts.Interface(
        name: "eth0",
        groups: ["egress"],
        addresses: [.inet4(0xc000_0201), .inet6(0x2001_0db8_0000_0000, 25)]
      ),
    ],
    services: ["submission": 587],
    hostsText: "127.0.0.1 localhost\n"
  )

  /// What stands beside the configurations on that host.
  private static let files = [
    "/etc/mail/aliases": "# who reads what\nroot: ann\npostmaster: root\nabuse:\tann, bob\n",
    "/etc/mail/secrets": "provider user:secret\n",
    "/etc/mail/virtuals": "ann@example.org ann\n@example.net bob@example.org\n",
    "/etc/mail/people": "vmail 1000:1000:/var/vmail\n",
    "/etc/mail/passwords": "ann $2b$10$abcdefghijklmnopqrstuv\n",
    "/etc/mail/senders": "ann ann@example.org, @example.net\n",
    "/etc/mail/relays": "192.0.2.80\n198.51.100.0/24\n",
    "/etc/mail/catch-all":
      "ann\tann\nbob@example.org\tbob,ann\n@example.net\tbob@example.org\n@\tann@example.org\n",
    "/etc/mail/domains": "# @list\nexample.org\n*.example.org\n",
    "/etc/mail/networks": "192.0.2.1\n[::1]\n198.51.100.0/24\n",
    "/etc/mail/accounts": "ann\t1000:100:/home/virtual/ann\nbob\t1000:100:/home/virtual/bob\n",
    "/etc/mail/sources": "192.0.2.2\n192.0.2.3\n[::1]\n[::2]\n",
    "/etc/mail/mailboxes": "ann\n@example.org\nbob@example.net\ncarol@*.example.net\n",
    "/etc/mail/names": "[::1]\tlocalhost\n127.0.0.1 localhost\n192.0.2.1\tmx.example.org\n",
    "/etc/mail/targets": """
    Root: ann, bob
    archive:   /var/mail/archive
    robot: |/usr/local/bin/robot --read
    staff: :include:/etc/mail/staff
    away: ann+away@example.net
    gone: error:550 5.1.6 gone away

    """,
    "/etc/mail/more.conf": "the_action = \"in\"\naction $the_action maildir\n",
  ]

  static let names = TestFile.names(in: "Corpus")

  static func text(_ name: String) -> String {
    String(decoding: TestFile.bytes("Corpus/" + name), as: UTF8.self)
  }

  /// Reads a text on that host.
  static func report(_ text: String) -> ConfigurationReport {
    ConfigurationReport(reading: "smtpd.conf", facts: facts) { path throws(UnreadableFile) in
      if path == "smtpd.conf" { return Array(text.utf8) }
      guard let file = files[path] else {
        throw UnreadableFile(reason: "No such file or directory")
      }
      return Array(file.utf8)
    }
  }
}
