// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import SMTP

/// Asks lookup about recipients.
extension FrontendService {
  /// What lookup was asked, and for whom.
  struct Question {
    let transaction: OpenTransaction
    let index: Int
    let address: Address
    /// Of the edge that it was asked over.
    let generation: UInt32
    weak var session: SessionHandler?
  }

  func check(
    _ recipient: RecipientCommand,
    of transaction: OpenTransaction,
    for session: SessionHandler
  ) {
    nextToken += 1
    questions[nextToken] = Question(
      transaction: transaction,
      index: recipient.index,
      address: recipient.address,
      generation: lookupGeneration,
      session: session
    )
    transaction.questions += 1
    owners[transaction.id] = session
    recipientDeadlines.asked(nextToken, at: Clock.rising())
    // A transaction without a share was the last queue's.
    guard let share = transaction.share else {
      return answer(nextToken, .refused(FrontendService.noQueue))
    }
    let room = share.room
    guard room > 0 else { return answer(nextToken, .refused(OpenEnvelopes.tooMany)) }
    guard let lookup else { return answer(nextToken, .refused(FrontendService.noLookup)) }
    lookup.send(
      .recipient(
        RecipientQuestion(
          token: nextToken,
          message: transaction.message,
          reverseLookup: session.reverseLookup,
          index: UInt16(clamping: recipient.index),
          room: UInt32(clamping: room),
          taken: UInt32(clamping: share.count),
          recipient: recipient.address,
          notify: recipient.notify,
          originalRecipient: recipient.originalRecipient
        )
      )
    )
  }

  static let noLookup = Reply(
    451,
    EnhancedStatus(.temporary, 3, 0),
    "Temporary failure: recipients cannot be checked now, try again later"
  )

  /// What lookup says of a recipient.
  enum Answer {
    /// - Parameters:
    ///   - taken: how many of usual length they are.
    ///   - edge: what the queue was sent them over.
    case accepted([EnvelopeID], taken: Int, edge: UInt32)
    case refused(Reply)
  }

  func answer(_ token: UInt64, _ answer: Answer) {
    guard let question = questions.removeValue(forKey: token) else { return }
    let transaction = question.transaction
    transaction.questions -= 1
    let verdict: ServerSession.RecipientVerdict =
      switch answer {
      case .accepted(let envelopes, let taken, let edge):
        accepted(envelopes, taken, edge, for: question)
      case .refused(let reply): .refused(reply)
      }
    if transaction.isAborted {
      abort(transaction)
    } else {
      question.session?.recipientAnswered(question.index, verdict, of: transaction)
    }
  }

  /// The envelopes are with the queue. Too many of one client's were asked for at once: the whole
  /// transaction goes.
  private func accepted(
    _ envelopes: [EnvelopeID],
    _ taken: Int,
    _ edge: UInt32,
    for question: Question
  ) -> ServerSession.RecipientVerdict {
    let transaction = question.transaction
    // The queue may have refused it meanwhile.
    guard transactions[transaction.id] === transaction else {
      return .accepted(envelopes: envelopes.count)
    }
    transaction.recipients.add(question.address, envelopes)
    transaction.oldestEdge = min(transaction.oldestEdge, edge)
    transaction.share?.add(taken)
    guard !transaction.isAborted, transaction.share?.isWithinBounds == false else {
      return .accepted(envelopes: envelopes.count)
    }
    if transaction.questions > 0 {
      let session = transaction.message.session
      lookup?.send(.ended(session.id, session.source))
    }
    queue?.send(.abort(transaction.id, envelopes: transaction.recipients.envelopes.count))
    finish(transaction.id, .refused(OpenEnvelopes.tooMany))
    return .refused(OpenEnvelopes.tooMany)
  }
}
