// SPDX-License-Identifier: ISC

import ControlProtocol

/// `update pki <name>`: the files of certificates and keys are read again.
struct UpdateCertificates: Command {
  let name: String

  static let entries = [
    CommandTable.Entry(
      pattern: [.keyword("update"), .keyword("pki"), .text("name")]
    ) { parameters in
      UpdateCertificates(name: parameters.text(at: 0))
    }
  ]

  func run(in context: Context) throws(CommandFailure) {
    guard name.utf8.count <= ControlLimits.name else {
      throw .invalid("smtpctl: the name is too long")
    }
    try context.succeed("update pki", .updateCertificates(name: name))
  }
}
