// SPDX-License-Identifier: ISC

package import DNS
package import Mail

/// What the delivering role wants of its neighbours. Called on the event loop of the service.
package enum DeliveryEffect: Sendable {
  /// To the queue: a task has ended. Repeat it on a new edge until it is acknowledged.
  case report(TaskReport)
  /// To the queue: send the body of this task's message, at most `bytes` more than was granted before.
  /// The first grant opens the stream.
  case grantBody(task: UInt64, bytes: Int)
  /// To the queue: no more of this body is wanted. Chunks already on their way are dropped here.
  case cancelBody(task: UInt64)
  /// To the queue: up to `count` envelopes held under this identifier may be tried; nil is all.
  case release(HoldID, count: Int?)
  /// To the queue, before the report of that task: nothing that goes the same way will be tried for so
  /// long.
  case destinationRests(task: UInt64, Duration)
  /// To the resolver.
  case resolve(DNSQuestion)
  /// To lookup: what do the tables of this action say, for mail to this domain in lower case? Answered
  /// with `relayAnswered`.
  case askTables(task: UInt64, action: String, domain: String)
  /// To lookup: who are we at the host with this label, by the action's table? Answered with
  /// `loginAnswered`.
  case fetchLogin(request: UInt64, action: String, label: String)
  /// To the supervisor: start what the action says for this envelope, as the user it names.
  case startCommand(LocalCommandRequest)
  /// To the supervisor: connect to the local socket of this action. Answered with `socketConnected`, or
  /// with a `commandEnded` that is a refusal.
  case connectSocket(request: UInt64, action: String)
  /// To the supervisor: all of standard input was written; close your copy of its write end too.
  case commandFed(request: UInt64)
  /// To the supervisor: kill the process group, then close what is left of its descriptors.
  case killCommand(request: UInt64)
  /// To the log, at level info.
  case log(String)
}

/// Names what the supervisor shall start. It takes command, path and user from its own configuration.
package struct LocalCommandRequest: Hashable, Sendable {
  /// Unique for the life of the delivering role.
  package let id: UInt64
  package let action: String
  package let envelope: Envelope
  package let sender: Address?
  /// The exact number of bytes that standard input will carry; told to our own helpers, so that they
  /// never take a cut-off body for a whole one.
  package let length: Int

  package init(id: UInt64, action: String, envelope: Envelope, sender: Address?, length: Int) {
    self.id = id
    self.action = action
    self.envelope = envelope
    self.sender = sender
    self.length = length
  }
}

/// How a command ended.
package enum CommandExit: Hashable, Sendable {
  case exited(code: UInt8)
  case signalled(Int32)
  /// It ran longer than it may and was killed.
  case timedOut
  /// It was never started; the text says why. Temporary.
  case refused(String)
}
