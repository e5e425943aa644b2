// SPDX-License-Identifier: ISC

internal import Mail

/// What is known of a transaction from its MAIL on.
struct ServerTransaction: Sendable {
  let id: MessageID
  let mail: MailCommand
  /// Recipients that were asked about.
  var asked = 0
  var accepted = 0
  /// The first accepted recipient.
  var recipient: Address?
  /// When DATA was said.
  var created = Instant.epoch
  /// What the message will be refused with, whatever else is right with it.
  var failure: Reply?
  /// `abort` was said already.
  var isAborted = false

  init(id: MessageID, mail: MailCommand) {
    self.id = id
    self.mail = mail
  }

  func message(size: Int, session: SessionFacts) -> Message {
    var message = Message(
      id: id,
      sender: mail.sender,
      created: created,
      size: size,
      session: session
    )
    message.content = mail.content
    message.returnContent = mail.returnContent
    message.envelopeIdentifier = mail.envelopeIdentifier
    return message
  }

  /// The header section that is about to come; `date` is that of Received.
  /// - Parameter author: who From has to name; nil when that is the client's business.
  func header(
    _ configuration: ServerSession.Configuration,
    author: Address?,
    date: String
  ) -> HeaderSection {
    let stamp = String(created.milliseconds, radix: 16)
    return HeaderSection(
      serverName: configuration.serverName,
      author: author.map { "\($0)" },
      missingFields: configuration.headerCompletion == .addressesAndMissingFields
        ? .init(date: date, messageID: "<\(stamp).\(id)@\(configuration.serverName)>") : nil,
      limits: configuration.limits
    )
  }
}

extension BodyDecoder {
  /// Why the message, now whole, is not taken.
  var refusal: Reply? {
    switch (fault, headerFault) {
    case (.bareLineEnd, _): ServerReply.bareLineEndInData
    case (.tooBig, _): ServerReply.tooBig
    case (nil, .loop): ServerReply.loop
    case (nil, .malformed): ServerReply.malformedHeader
    case (nil, nil): nil
    }
  }
}
