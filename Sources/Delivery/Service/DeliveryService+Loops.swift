// SPDX-License-Identifier: ISC

import Mail
import NIOCore

extension DeliveryService {
  /// Looks through the header section for addresses of this task that the message was delivered to
  /// before: those end here, and `begin` is called when any other is left. Of a body that has to come the
  /// first window is fetched for it.
  func detectLoops(_ task: DeliveryTask, then begin: @escaping () -> Void) {
    var scan = DeliveredToScan(task.envelopes.map(\.destination))
    if let body = task.body {
      scan.read(body.readableBytesView)
      scan.ended()
      return endLoops(task, scan, begin)
    }
    var seen: [BodyInflow.Piece] = []
    var seenBytes = 0
    openBody(task)
    passBody(task) { [unowned self] piece in
      seen.append(piece)
      switch piece {
      case .chunk(let chunk):
        seenBytes += chunk.readableBytes
        scan.read(chunk.readableBytesView)
      case .end: scan.ended()
      // Who asks for the body next learns of it.
      case .failed: scan.ended()
      }
      // More than a window does not come before some of it was passed on.
      guard scan.verdict != .undecided || seenBytes >= settings.bodyWindow else { return }
      putBackBody(task.id, seen)
      endLoops(task, scan, begin)
    }
  }

  private func endLoops(_ task: DeliveryTask, _ scan: DeliveredToScan, _ begin: () -> Void) {
    for (position, envelope) in task.envelopes.enumerated()
    where scan.isLooping(envelope.destination) {
      let outcome = DeliveryOutcome.loop("Loop detected")
      note(task.id, position, outcome)
      let session = SessionID(.random(in: 1 ... .max))
      let line = DeliveryLog.local(session, task.message, envelope, outcome, at: clock())
      if let line { log(line) }
    }
    if undecided(task.id).isEmpty { end(task.id) } else { begin() }
  }
}
