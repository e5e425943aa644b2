// SPDX-License-Identifier: ISC

package import Mail

/// The replies of the server that do not depend on the moment, and those that only name an address.
package enum ServerReply {
  package static let ok = Reply(250, EnhancedStatus(.success, 0, 0), "Ok")
  package static let reset = Reply(250, EnhancedStatus(.success, 0, 0), "Reset state")
  package static let bye = Reply(221, EnhancedStatus(.success, 0, 0), "Bye")
  package static let startInput = Reply(354, nil, "Enter mail, end with \".\" on a line by itself")
  package static let recipientOK = Reply(250, describing: destinationValid, "Recipient ok")
  package static let unverified = Reply(
    252,
    EnhancedStatus(.success, 5, 2),
    "Cannot VRFY user, try RCPT to attempt delivery"
  )

  package static let unrecognized = invalidCommand(500, "Command unrecognized")
  package static let wrongState = invalidCommand(503, "Command not allowed at this point.")
  package static let alreadyIdentified = invalidCommand(503, "Already identified")
  package static let unsupported = invalidCommand(503, "Command not supported")
  /// The last reply in clear.
  package static let startTLS = Reply(220, EnhancedStatus(.success, 0, 0), "Ready to start TLS")
  /// To a second STARTTLS.
  package static let alreadySecured = invalidCommand(503, "Channel already secured")
  /// To MAIL before it.
  package static let tlsRequired = invalidCommand(530, "Must issue a STARTTLS command first")
  /// To STARTTLS with an argument.
  package static let noParameters = invalidArguments(501, "No parameters allowed")
  package static let nameMissing = invalidCommand(501, "HELO (or EHLO) requires domain name")
  package static let earlyData = invalidCommand(500, "Data sent before it was asked for")
  package static let invalidName = invalidArguments(501, "Invalid domain name")
  package static let noArguments = invalidArguments(500, "command does not accept arguments.")
  package static let noRecipient = invalidArguments(503, "No recipient specified")
  package static let mailSyntax = invalidArguments(501, "MAIL FROM:<address> expected")
  package static let recipientSyntax = invalidArguments(501, "RCPT TO:<address> expected")

  package static let commandTooLong = Reply(
    500,
    EnhancedStatus(.permanent, 0, 0),
    "Command line too long"
  )
  package static let lineTooLong = Reply(500, EnhancedStatus(.permanent, 0, 0), "Line too long")
  package static let bareLineEndInCommand = Reply(
    500,
    describing: syntaxError,
    "Bare CR or LF in a command"
  )
  package static let nullInCommand = Reply(500, describing: syntaxError, "NUL in a command")
  package static let bareLineEndInData = Reply(
    550,
    describing: syntaxError,
    "Bare CR or LF in the message"
  )

  package static let invalidSender = Reply(
    553,
    EnhancedStatus(.permanent, 1, 0),
    "Sender address syntax error"
  )
  package static let invalidRecipientSyntax = Reply(
    501,
    EnhancedStatus(.permanent, 1, 3),
    "Recipient address syntax error"
  )
  package static let notifyMix = Reply(
    553,
    nil,
    "NOTIFY option NEVER cannot be combined with other options"
  )
  package static let originalRecipientSyntax = Reply(553, nil, "ORCPT address syntax error")

  package static let tooManyMails = Reply(
    452,
    describing: EnhancedStatus(.temporary, 5, 3),
    "Too many messages sent"
  )
  package static let tooManyRecipients = Reply(
    451,
    describing: EnhancedStatus(.temporary, 5, 3),
    "Too many recipients"
  )
  package static let tooBig = Reply(
    554,
    describing: EnhancedStatus(.permanent, 3, 4),
    "Transaction failed, message too big"
  )
  package static let loop = Reply(
    500,
    describing: EnhancedStatus(.permanent, 4, 6),
    "Loop detected"
  )
  package static let malformedHeader = Reply(
    550,
    describing: EnhancedStatus(.permanent, 7, 1),
    "Message is not RFC 2822 compliant"
  )

  package static let temporaryError = Reply(
    421,
    EnhancedStatus(.temporary, 3, 0),
    "Temporary Error"
  )
  package static let tooManyErrors = Reply(
    421,
    EnhancedStatus(.temporary, 7, 0),
    "Too many errors, closing connection"
  )
  package static let tooManyConnections = Reply(
    421,
    EnhancedStatus(.temporary, 3, 2),
    "Too many connections, try again later"
  )
  package static let tooManyOfClient = Reply(
    421,
    EnhancedStatus(.temporary, 3, 2),
    "Too many connections from your address, try again later"
  )
  /// Not the client's own doing: whatever runs on this machine has one share.
  package static let tooManyOfMachine = Reply(
    421,
    EnhancedStatus(.temporary, 3, 2),
    "Too many connections from this machine, try again later"
  )
  package static let stopping = Reply(
    421,
    EnhancedStatus(.temporary, 3, 2),
    "Service shutting down"
  )
  package static let timeout = Reply(
    421,
    EnhancedStatus(.temporary, 4, 2),
    "Timeout, closing connection"
  )

  /// `<x>` for the log and the client: what of the option was not understood.
  static func unsupportedMailOption(_ option: String) -> Reply {
    invalidArguments(503, "Unsupported option \(option)")
  }

  static func unsupportedRecipientOption(_ option: String) -> Reply {
    Reply(503, nil, "Unsupported option \(option)")
  }

  static func optionTooLarge(_ option: String) -> Reply {
    invalidArguments(503, "option too large, truncated: \(option)")
  }

  static func invalidOption(_ option: String) -> Reply {
    invalidArguments(501, "Invalid option \(option)")
  }

  static func accepted(_ id: MessageID) -> Reply {
    Reply(250, EnhancedStatus(.success, 0, 0), "\(id) Message accepted for delivery")
  }

  private static let destinationValid = EnhancedStatus(.success, 1, 5)
  private static let syntaxError = EnhancedStatus(.permanent, 5, 2)

  private static func invalidCommand(_ code: UInt16, _ detail: String) -> Reply {
    Reply(code, describing: EnhancedStatus(.permanent, 5, 1), detail)
  }

  private static func invalidArguments(_ code: UInt16, _ detail: String) -> Reply {
    Reply(code, describing: EnhancedStatus(.permanent, 5, 4), detail)
  }
}
