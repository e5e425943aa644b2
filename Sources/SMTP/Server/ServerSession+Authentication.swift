// SPDX-License-Identifier: ISC

package import Mail

/// AUTH (RFC 4954), and what its outcome lets a client do.
///
///     ready ──AUTH──▶ authenticating ──answers──▶ verifying ──accepted, denied──▶ ready
///                       │       ▲│
///                       │       └┘ the next prompt
///                       └──*, nonsense──▶ ready
extension ServerSession {
  /// What is asked about a client that says who it is.
  package struct Credentials: Equatable, Sendable {
    /// Without control characters, at most `userLengthMax` bytes.
    package let user: String
    /// What was given as the user's password; empty when it does not matter.
    package let password: Secret
    /// As whom the user asks to act.
    package var role = Role.own

    /// As whom somebody asks to act.
    package enum Role: Equatable, Sendable {
      case own
      /// As another user: nobody may, so that this is as wrong as a wrong password, whatever the password.
      case another
    }
  }

  /// The answer to `verify`.
  package enum AuthenticationVerdict: Equatable, Sendable {
    case accepted
    /// No such user, or a wrong password; which of both is nobody's business.
    case denied
    /// It could not be found out.
    case failed
    /// It was not looked at: too many were wrong that came from the client's address.
    case barred
  }

  /// The answer to `checkSender`.
  package enum SenderVerdict: Equatable, Sendable {
    case accepted
    case denied
    /// It could not be found out.
    case failed
  }

  /// The word of the log's `result=`.
  package enum AuthenticationResult: String, Equatable, Sendable {
    case ok
    case permanent = "permfail"
    case temporary = "tempfail"
  }

  /// Whether AUTH would be taken now.
  var mayAuthenticate: Bool {
    configuration.authentication != .none && encryption != nil && user == nil
  }

  mutating func beginAuthentication(_ result: Result<AuthenticationCommand, Command.Refusal>) {
    // The kernel said who that is.
    guard client.source != .local else {
      return refuseAuthentication(result, ServerReply.alreadyAuthenticated)
    }
    guard configuration.authentication != .none else {
      return refuseAuthentication(result, ServerReply.unsupported)
    }
    guard identity != nil, case .ready = state else {
      return refuseAuthentication(result, ServerReply.wrongState)
    }
    guard user == nil else {
      return refuseAuthentication(result, ServerReply.alreadyAuthenticated)
    }
    guard encryption != nil else {
      return refuseAuthentication(result, ServerReply.unsupported)
    }
    switch result {
    case .failure(let refusal): refuseAuthentication(result, refusal.reply)
    case .success(let command):
      var dialog = AuthenticationDialog(
        command.mechanism,
        userLengthMax: configuration.limits.userLengthMax
      )
      guard let response = command.response else {
        reply(dialog.prompt)
        state = .authenticating(dialog)
        return
      }
      let label = dialog.label
      guard response.withBytes({ $0.count }) <= configuration.limits.responseLengthMax else {
        return endAuthentication(with: ServerReply.authenticationTooLong)
      }
      let step = response.withBytes { dialog.take($0.span) }
      perform(step, of: dialog, label)
    }
  }

  /// A line of the client's that answers a prompt.
  mutating func takeResponse(_ dialog: AuthenticationDialog) -> Step {
    switch input.nextLine(lengthMax: configuration.limits.responseLengthMax) {
    case .incomplete: return .blocked
    case .line(let range):
      var dialog = dialog
      let label = dialog.label
      let step = dialog.take(input.bytes.span.extracting(range))
      input.wipeLine()
      perform(step, of: dialog, label)
    case .tooLong: endAuthentication(with: ServerReply.authenticationTooLong)
    case .bareLineEnd: endAuthentication(with: ServerReply.bareLineEndInCommand)
    }
    return .done
  }

  private mutating func perform(
    _ step: AuthenticationDialog.Step,
    of dialog: AuthenticationDialog,
    _ label: String
  ) {
    switch step {
    case .prompt(let prompt):
      reply(prompt)
      state = .authenticating(dialog)
    case .complete(let user, let password):
      state = .verifying(user: user, label: label)
      actions.append(.verify(Credentials(user: user, password: password)))
    case .impersonate(let user):
      hidesUnknown = true
      state = .verifying(user: user, label: label)
      actions.append(.verify(Credentials(user: user, password: Secret([]), role: .another)))
    case .refuse(let refusal):
      state = .ready
      hidesUnknown = true
      fail(label, refusal, .clients)
    }
  }

  /// The log sees no password, and no user either.
  private mutating func refuseAuthentication(
    _ command: Result<AuthenticationCommand, Command.Refusal>,
    _ refusal: Reply
  ) {
    let label =
      switch command {
      case .success(let command):
        "AUTH \(command.mechanism.rawValue)\(command.response == nil ? "" : " (...)")"
      case .failure: "AUTH (...)"
      }
    hidesUnknown = true
    // What stands where a mechanism should may be the password.
    let isUnknown = refusal.code == ServerReply.unknownMechanism("").code
    let logged = isUnknown ? ServerReply.unknownMechanism("...") : nil
    fail(label, refusal, .clients, logged: logged)
  }

  private mutating func endAuthentication(with refusal: Reply) {
    actions.append(.log(.badInput(result: refusal.description)))
    end(with: refusal, .badInput)
  }

  /// The answer to `verify`.
  package mutating func authenticationAnswered(
    _ verdict: AuthenticationVerdict,
    at now: Instant
  ) -> [Action] {
    if case .ended = state { return [] }
    guard case .verifying(let name, let label) = state else {
      preconditionFailure("nobody was to be verified")
    }
    state = .ready
    switch verdict {
    case .accepted:
      user = name
      logAuthentication(name, .ok)
      reply(ServerReply.authenticated)
    case .denied: deny(name, label)
    case .failed:
      logAuthentication(name, .temporary)
      fail(label, ServerReply.authenticationUnavailable, .ours)
    case .barred:
      logAuthentication(name, .temporary)
      fail(label, ServerReply.tooManyAuthenticationFailures, .ours)
    }
    return proceed(at: now)
  }

  private mutating func deny(_ name: String, _ label: String) {
    logAuthentication(name, .permanent)
    authenticationFailures += 1
    fail(label, ServerReply.authenticationFailed, .clients)
    guard !hasEnded, authenticationFailures >= configuration.limits.authenticationFailuresMax
    else { return }
    end(with: ServerReply.tooManyAuthenticationFailures, .badInput)
  }

  private mutating func logAuthentication(_ name: String, _ result: AuthenticationResult) {
    actions.append(.log(.authentication(user: name.asOneWord, result)))
  }

  // MARK: Senders

  /// Begins the transaction, or asks first whether the user may send from that address.
  mutating func open(_ mail: MailCommand) {
    guard configuration.senders != .anybody, let user else {
      state = .opening(mail)
      return actions.append(.beginTransaction(mail))
    }
    state = .checkingSender(mail)
    actions.append(.checkSender(mail.sender, user: user))
  }

  /// The answer to `checkSender`.
  package mutating func senderAnswered(_ verdict: SenderVerdict, at now: Instant) -> [Action] {
    if case .ended = state { return [] }
    guard case .checkingSender(let mail) = state else {
      preconditionFailure("no sender was to be checked")
    }
    let command = "MAIL FROM:<\(mail.sender?.description ?? "")>"
    switch verdict {
    case .accepted:
      state = .opening(mail)
      actions.append(.beginTransaction(mail))
    case .denied:
      state = .ready
      fail(command, ServerReply.senderRejected, .clients)
    case .failed:
      state = .ready
      fail(command, ServerReply.authenticationUnavailable, .ours)
    }
    return proceed(at: now)
  }
}
