// SPDX-License-Identifier: ISC

internal import Mail

extension ServerSession {
  /// What one client may ask of a session. A value that is a maximum is itself allowed.
  package struct Limits: Hashable, Sendable {
    /// Bytes in a command line, its CRLF not counted.
    package var commandLengthMax = 2047
    /// Bytes in a line of the data, its CRLF not counted.
    package var lineLengthMax = 65_534
    /// Accepted recipients of one transaction (`smtp limit max-rcpt`).
    package var recipientsMax = ReceptionDefaults.recipientsMax
    /// Recipients of one transaction that are asked about at all, accepted or not.
    package var recipientsAskedMax = 10_000
    /// Their numbers have 16 bits on the way to the queue.
    private static let recipientNumbers = 65_536
    /// Transactions begun in one session (`smtp limit max-mails`).
    package var mailsMax = ReceptionDefaults.mailsMax
    /// Octets of a message, as SIZE counts them: every CRLF is two, undone dot-stuffing none
    /// (`smtp max-message-size`).
    package var messageSizeMax = ReceptionDefaults.messageSizeMax
    /// Octets of a message that is refused already which are still read, so that the client hears
    /// why; then the session ends.
    package var swallowedSizeMax = 134_217_728
    /// Commands that may fail by the client's own fault before the session is ended (`smtp
    /// limit max-errors`). Refused recipients do not count.
    package var errorsMax = ReceptionDefaults.errorsMax
    /// Recipients that are asked about at the same time.
    package var recipientsInFlightMax = 100
    /// Received fields of a message: one more, and it is going round in circles.
    package var receivedFieldsMax = 99
    /// Bytes of a header field's name.
    package var fieldNameLengthMax = 1024
    /// Bytes of a header field, its line ends counted.
    package var fieldLengthMax = 65_536
    /// Replies of one batch are held back for one write up to this many bytes.
    package var heldRepliesMax = 4096
    /// Bytes in a line that answers a prompt of AUTH, its CRLF not counted (RFC 4954 section 4).
    package var responseLengthMax = 12_288
    /// Bytes of the name that a client authenticates as.
    package var userLengthMax = 255
    /// Wrong passwords of one session; behind the last of them it ends.
    package var authenticationFailuresMax = 3
    /// Silence of the client, after which the driver calls `timedOut`.
    package var timeout = ReceptionDefaults.timeout

    /// Sets both bounds of recipients: as many refused ones as accepted ones find room.
    package mutating func allow(recipients: Int) {
      recipientsMax = recipients
      recipientsAskedMax = min(Limits.recipientNumbers, max(recipientsAskedMax, 2 * recipients))
    }

    package init() {}
  }
}
