// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import NIOCore
internal import SMTP

/// What neighbours that live must answer in time.
extension FrontendService {
  /// How long the queue may think about a message, in milliseconds: as long as clients wait (RFC 5321
  /// §4.5.3.2.6).
  static let submitAnswer: Int64 = 600_000
  static let look = TimeAmount.seconds(1)

  /// Refuses what a neighbour that lives does not answer. An answer that comes later is ignored; the
  /// envelopes that lookup sent with it make the queue refuse the message.
  func watchAnswers() {
    context.loop.assumeIsolated().scheduleTask(in: FrontendService.look) { [unowned self] in
      let now = Clock.rising()
      while let token = recipientDeadlines.takeOverdue(at: now) {
        guard questions[token] != nil else { continue }
        context.log.warn(
          "frontend: no answer about a recipient within \(EdgeLimits.recipientAnswer) ms"
        )
        answer(token, .refused(FrontendService.noLookup))
      }
      while let id = submitDeadlines.takeOverdue(at: now) {
        guard submitted.contains(id) else { continue }
        context.log.warn("frontend: message \(id): the queue has not answered")
        finish(id, .refused(FrontendService.noQueue))
      }
      watchAnswers()
    }
  }
}
