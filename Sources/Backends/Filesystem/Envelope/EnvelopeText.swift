// SPDX-License-Identifier: ISC

internal import Queue

/// The file of one envelope: OpenSMTPD's version 3 text, `name: value` a line.
///
/// What version 3 cannot say goes two ways. Facts that do no harm when they are lost (milliseconds,
/// the session, TLS) are words of a first `version` line, which a version 3 reader overrides with the
/// second. What must not be lost (a hold, a suspension, REQUIRETLS) is a field of its own, only
/// where it is not the default, so that a version 3 reader refuses the envelope and leaves it alone.
/// No value can hold a line end: control characters become blanks, and the exact text is escaped in a
/// field `exact-NAME`. Described in `schema/fs-spool.md`.
package enum EnvelopeText {
  /// Of a whole file; a longer one is no envelope.
  package static let fileMax = 65_536
  /// The word that has the checksum of the message's body.
  static let bodyChecksumNote = "body-crc"

  /// The names of the fields that hold text, and how long a text may be.
  enum Field: String, CaseIterable {
    case dispatcher
    case tag
    case smtpname
    case helo
    case hostname
    case username
    case errorline
    case envelopeIdentifier = "dsn-envid"
    case originalRecipient = "dsn-orcpt"
    case command = "mda-exec"
    case subaddress = "mda-subaddress"
    case user = "mda-user"

    /// Of what stands in the file: two of them as xtext, with three bytes a character at most.
    var limit: Int {
      switch self {
      case .dispatcher, .smtpname, .helo, .hostname, .username, .subaddress, .user:
        RecordLimits.name
      case .tag: RecordLimits.tag
      case .errorline: RecordLimits.errorText
      case .envelopeIdentifier: 3 * RecordLimits.envelopeIdentifier
      case .originalRecipient: 3 * RecordLimits.originalRecipient
      case .command: RecordLimits.command
      }
    }
  }
}

/// Why a file is no envelope.
package struct EnvelopeTextError: Error, Equatable, Sendable {
  package var line: Int
  package var problem: String

  package init(line: Int, problem: String) {
    self.line = line
    self.problem = problem
  }
}

extension EnvelopeTextError: CustomStringConvertible {
  package var description: String { line > 0 ? "line \(line): \(problem)" : problem }
}
