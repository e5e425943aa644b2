// SPDX-License-Identifier: ISC

package import Mail

/// What a program of this host wants to send: its input made a whole message, and who is to get it.
package struct SubmissionDraft: Equatable, Sendable {
  /// What bounds one.
  package enum Limits {
    /// Recipients of one message.
    package static let recipients = 10_000
  }

  /// Who sends: the user as whom the program runs.
  package struct Login: Equatable, Sendable {
    /// The login name.
    package var name: String
    /// Of the person; may be empty.
    package var fullName: String

    package init(name: String, fullName: String) {
      self.name = name
      self.fullName = fullName
    }
  }

  /// Why there is nothing to send.
  package enum Fault: Error, Equatable, Sendable {
    case noRecipients
    case tooManyRecipients
    case notAnAddress(String)
    /// The server does not say what addresses without a domain are completed with.
    case noServerName
  }

  /// Nil is the null sender.
  package let sender: Address?
  /// At least one; none twice.
  package let recipients: [Address]
  /// Lines ended by LF.
  package let message: [UInt8]
  /// Whether it has bytes beyond ASCII.
  package let content: ContentFlags

  /// - Parameters:
  ///   - input: what the program wrote.
  ///   - serverName: what completes addresses.
  ///   - now: when it was written.
  package init(
    _ input: [UInt8],
    _ options: SendmailOptions,
    login: Login,
    serverName: String,
    now: Instant
  ) throws(Fault) {
    guard Address.isDomain(serverName) else { throw .noServerName }
    var fields = MessageFields(parsing: input)
    recipients = try SubmissionDraft.recipients(fields, options, serverName)
    fields.remove("bcc", "resent-bcc", "return-path")

    let own = try SubmissionDraft.address(login.name, serverName)
    let author = fields.named("from").first.flatMap { field in
      AddressList.addresses(in: field.value).first
    }
    switch options.sender {
    case ""?: sender = nil
    case let text?:
      guard let first = AddressList.addresses(in: text.utf8).first else {
        throw .notAnAddress(text)
      }
      sender = try SubmissionDraft.address(first, serverName)
    case nil:
      sender = author.flatMap { try? SubmissionDraft.address($0, serverName) } ?? own
    }

    var message: [UInt8] = []
    if !fields.has("from") {
      let name = DisplayName.encoded(options.fullName ?? login.fullName)
      let address = sender ?? own
      message += "From: \(name.isEmpty ? "\(address)" : "\(name) <\(address)>")\n".utf8
    }
    if !fields.has("date") { message += "Date: \(now.mailDate)\n".utf8 }
    let body = MessageBody(of: fields)
    message += body.added
    for field in fields.fields where !body.removed.contains(field.name) { message += field.bytes }
    message.append(0x0a)
    message += body.bytes
    self.message = message
    content = message.contains { $0 >= 0x80 } ? .eightBit : []
  }

  private static func recipients(
    _ fields: MessageFields,
    _ options: SendmailOptions,
    _ serverName: String
  ) throws(Fault) -> [Address] {
    var texts = options.recipients.flatMap { AddressList.addresses(in: $0.utf8) }
    if options.takesRecipients {
      // A message that is sent on is for those who get it now.
      let resent = fields.named("resent-to", "resent-cc", "resent-bcc")
      let chosen = resent.isEmpty ? fields.named("to", "cc", "bcc") : resent
      texts += chosen.flatMap { AddressList.addresses(in: $0.value) }
    }
    guard !texts.isEmpty else { throw .noRecipients }
    guard texts.count <= Limits.recipients else { throw .tooManyRecipients }
    var found: [Address] = []
    var seen: Set<Address> = []
    for text in texts {
      let address = try address(text, serverName)
      if seen.insert(address).inserted { found.append(address) }
    }
    return found
  }

  private static func address(_ text: String, _ domain: String) throws(Fault) -> Address {
    do throws(Address.SyntaxError) {
      return try Address(parsing: text, completedWith: domain)
    } catch {
      throw .notAnAddress(text)
    }
  }
}

extension SubmissionDraft.Fault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .noRecipients: "no recipients"
    case .tooManyRecipients: "more than \(SubmissionDraft.Limits.recipients) recipients"
    case .notAnAddress(let text): "not an address: \(text.filter { !$0.isNewline })"
    case .noServerName: "the server does not say its name"
    }
  }
}
