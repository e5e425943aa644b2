// SPDX-License-Identifier: ISC

extension ClientSession {
  /// What a server may do to a session, and for how long it may be silent. A value that is a maximum
  /// is itself allowed.
  package struct Limits: Hashable, Sendable {
    /// Bytes in a line of a reply, its end not counted.
    package var replyLineLengthMax = 2048
    /// Lines in a reply.
    package var replyLinesMax = 100
    /// Recipients and tasks that may fail before the session says QUIT.
    package var failuresMax = 25
    /// Recipients refused in a row, none ever accepted, after which the host is taken to refuse all.
    package var refusalsBeforeAcceptanceMax = 10
    /// RCPT commands that wait for their replies at the same time.
    package var recipientsInFlightMax = 100

    /// Silence before the greeting, and before the replies to EHLO, MAIL, RCPT and RSET.
    package var commandTimeout = Duration.seconds(300)
    /// Silence before the reply to DATA.
    package var dataTimeout = Duration.seconds(300)
    /// Without progress while the message is sent.
    package var bodyTimeout = Duration.seconds(300)
    /// Silence behind the final dot. Long: who gives up here delivers twice.
    package var finalDotTimeout = Duration.seconds(600)
    package var quitTimeout = Duration.seconds(10)

    package init() {}
  }
}
