// SPDX-License-Identifier: ISC

internal import Mail

/// `smtp limit` and `smtp max-message-size`: what a client may use.
package struct ReceptionLimits: Hashable, Sendable {
  /// Transactions of one session.
  package var mailsMax = ReceptionDefaults.mailsMax
  /// Recipients of one transaction.
  package var recipientsMax = ReceptionDefaults.recipientsMax
  /// Bytes of one message.
  package var messageSizeMax = ReceptionDefaults.messageSizeMax
  /// Refused commands before the session is closed.
  package var errorsMax = ReceptionDefaults.errorsMax
  /// Sessions at a time.
  package var sessionsMax = 1000
  /// Sessions at a time of one address, or of one /64 of IPv6. This machine itself has no such bound.
  package var clientSessionsMax = 100
  /// Silence before the session is closed.
  package var timeout = ReceptionDefaults.timeout
  /// Bytes of one command line, its end included.
  package var commandLineMax = 2048
  /// Bytes of one line of a message, its end included.
  package var lineMax = 65_536

  package init() {}

  /// A limit that is a number, by its word in the configuration.
  package enum Key: String, CaseIterable, Sendable {
    case mailsMax = "max-mails"
    case recipientsMax = "max-rcpt"
    case errorsMax = "max-errors"
    case sessionsMax = "max-sessions"
    case clientSessionsMax = "max-client-sessions"
    case commandLineMax = "max-command-line"
    case lineMax = "max-line"

    package var path: WritableKeyPath<ReceptionLimits, Int> {
      switch self {
      case .mailsMax: \.mailsMax
      case .recipientsMax: \.recipientsMax
      case .errorsMax: \.errorsMax
      case .sessionsMax: \.sessionsMax
      case .clientSessionsMax: \.clientSessionsMax
      case .commandLineMax: \.commandLineMax
      case .lineMax: \.lineMax
      }
    }
  }
}
