// SPDX-License-Identifier: ISC

/// What a client may use unless `smtp limit` and `smtp max-message-size` say otherwise.
package enum ReceptionDefaults {
  /// Transactions of one session.
  package static let mailsMax = 100
  /// Recipients of one transaction.
  package static let recipientsMax = 1000
  /// Bytes of one message.
  package static let messageSizeMax = 36_700_160
  /// Refused commands of one session.
  package static let errorsMax = 25
  /// Silence.
  package static let timeout = Duration.seconds(300)
}
