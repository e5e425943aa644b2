// SPDX-License-Identifier: ISC

package import DNS
package import NIOCore

/// Everything that the delivering role does, without its edges: tasks in, outcomes out.
///
/// One event loop owns it; every call and every effect happens there.
package final class DeliveryService {
  private let eventLoop: any EventLoop
  private let effect: (DeliveryEffect) -> Void
  private var settings: DeliverySettings

  package init(
    on eventLoop: any EventLoop,
    settings: DeliverySettings,
    effect: @escaping (DeliveryEffect) -> Void
  ) {
    self.eventLoop = eventLoop
    self.effect = effect
    self.settings = settings
  }

  /// The queue wants this delivered. A task that is known already is ignored.
  package func begin(_ task: DeliveryTask) {}

  /// More of a body, in order and within what was granted.
  package func bodyArrived(task: UInt64, _ chunk: ByteBuffer) {}

  /// The body is complete.
  package func bodyEnded(task: UInt64) {}

  /// The queue cannot give this body: the task's try ends without a delivery.
  package func bodyFailed(task: UInt64, reason: String) {}

  /// The queue has these reports durable; they are forgotten.
  package func acknowledged(_ tasks: [UInt64]) {}

  /// The tasks that have no outcome yet, for a reconciliation.
  package var inFlight: [UInt64] { [] }

  /// The reports that were not acknowledged, for a reconciliation.
  package var unacknowledged: [TaskReport] { [] }

  /// The edge to the queue is gone: streams of bodies that were open end, their tasks are deferred.
  package func queueLost() {}

  package func answered(_ question: DNSQuestion, _ answer: DNSAnswer) {}

  /// The edge to the resolver was made anew: open questions are asked again.
  package func resolverReplaced() {}

  /// The command runs. Takes both descriptors over: the write end of its standard input, and the read
  /// end of a pipe that is its standard output and error.
  package func commandStarted(request: UInt64, input: CInt, output: CInt) {}

  package func commandEnded(request: UInt64, _ exit: CommandExit) {}

  /// The edge to the supervisor was made anew: commands without an end are deferred.
  package func supervisorReplaced() {}

  /// A new projection, for tasks that begin from now on.
  package func reconfigure(_ settings: DeliverySettings) { self.settings = settings }

  /// Ends idle sessions; completes `promise` when nothing is in flight any more.
  package func shutDown(promise: EventLoopPromise<Void>) { promise.succeed() }
}
