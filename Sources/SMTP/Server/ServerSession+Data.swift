// SPDX-License-Identifier: ISC

internal import Mail

/// DATA, from the command to the final dot.
extension ServerSession {
  mutating func beginData(_ form: Command.Bare, at now: Instant) {
    guard !input.hasMoreBehindLine else {
      actions.append(.log(.badInput(result: ServerReply.earlyData.description)))
      return end(with: ServerReply.earlyData, .badInput)
    }
    guard form == .bare else { return failLine(ServerReply.noArguments) }
    guard case .addressing = state, let identity, var transaction else {
      return failLine(ServerReply.wrongState)
    }
    guard transaction.accepted > 0 else { return failLine(ServerReply.noRecipient) }
    transaction.created = now
    let date = now.mailDate
    let received = ReceivedHeader(
      configuration: configuration,
      client: client,
      identity: identity,
      id: transaction.id,
      recipient: transaction.accepted == 1 ? transaction.recipient : nil,
      date: date,
      encryption: encryption,
      user: user
    )
    body = BodyDecoder(
      prefix: received.bytes,
      header: transaction.header(
        configuration,
        author: user != nil && configuration.senders == .masqueraded
          ? transaction.mail.sender : nil,
        date: date
      ),
      lineLengthMax: configuration.limits.lineLengthMax,
      sizeMax: configuration.limits.messageSizeMax
    )
    self.transaction = transaction
    state = .receiving
    reply(ServerReply.startInput)
  }

  mutating func receiveBody(at now: Instant) -> Step {
    guard !input.isEmpty, let stop = body?.decode(input.bytes, from: input.start) else {
      return .blocked
    }
    handOverBody()
    switch stop {
    case .starved:
      input.removeAll()
      guard let body, body.fault != nil, body.size > configuration.limits.swallowedSizeMax else {
        return .blocked
      }
      refuseData(body.fault == .tooBig ? ServerReply.tooBig : ServerReply.bareLineEndInData)
    case .ended(let index):
      input.consume(to: index)
      endMessage()
    case .ambiguous:
      refuseData(ServerReply.bareLineEndInData)
    case .lineTooLong:
      refuseData(ServerReply.lineTooLong)
    }
    return .done
  }

  /// Hands over what was decoded, or ends the transaction of a message that is lost already.
  private mutating func handOverBody() {
    let chunk = body?.takeOutput() ?? []
    if body?.fault != nil || transaction?.failure != nil {
      guard transaction?.isAborted == false else { return }
      transaction?.isAborted = true
      actions.append(.abort)
    } else if !chunk.isEmpty {
      actions.append(.bodyChunk(chunk))
    }
  }

  private mutating func endMessage() {
    guard let transaction, let body else { preconditionFailure("data without a transaction") }
    if let failure = transaction.failure {
      abandonTransaction()
      state = .ready
      return fail("DATA", failure, .ours)
    }
    if let refusal = body.refusal {
      abandonTransaction()
      state = .ready
      return fail("DATA", refusal, .clients)
    }
    state = .storing
    let message = transaction.message(size: body.storedSize, session: facts)
    actions.append(.submit(message, recipients: transaction.accepted))
  }

  private mutating func refuseData(_ refusal: Reply) {
    actions.append(.log(.badInput(result: refusal.description)))
    end(with: refusal, .badInput)
  }
}
