// SPDX-License-Identifier: ISC

import DNS
import Mail
import NIOCore
import NIOPosix

@testable import Delivery

/// A delivery service on an event loop, with the test as queue, resolver and supervisor.
final class ServiceBench: Sendable {
  let eventLoop: any EventLoop
  private let service: NIOLoopBoundBox<DeliveryService?>
  private let stream: AsyncStream<DeliveryEffect>

  init(_ settings: DeliverySettings, on eventLoop: any EventLoop) async throws {
    self.eventLoop = eventLoop
    let (stream, continuation) = AsyncStream.makeStream(of: DeliveryEffect.self)
    self.stream = stream
    service = try await eventLoop.submit {
      NIOLoopBoundBox(
        DeliveryService(
          on: eventLoop,
          settings: settings,
          clock: { Instant(seconds: 1_000_000_010) },
          effect: { continuation.yield($0) }
        ),
        eventLoop: eventLoop
      )
    }.get()
  }

  /// The service goes on its own event loop, not in the middle of what it does there.
  deinit {
    let service = self.service
    eventLoop.execute { service.value = nil }
  }

  func run<Result: Sendable>(
    _ body: @escaping @Sendable (DeliveryService) -> Result
  ) async throws -> Result {
    let service = self.service
    return try await eventLoop.submit {
      guard let value = service.value else { preconditionFailure("the bench is closed") }
      return body(value)
    }.get()
  }

  /// Effects as they come, up to the one that ends `body`.
  func watch(_ body: (DeliveryEffect) async throws -> Bool) async throws {
    for await effect in stream where try await body(effect) { return }
  }

  /// Waits for so many reports; answers every question with `nonexistent`.
  func reports(_ count: Int) async throws -> [UInt64: [DeliveryOutcome]] {
    var reports: [UInt64: [DeliveryOutcome]] = [:]
    guard count > 0 else { return reports }
    try await watch { effect in
      switch effect {
      case .report(let report): reports[report.task] = report.outcomes.map(\.outcome)
      case .resolve(let question):
        try await run { $0.answered(question, DNSAnswer(.nonexistent)) }
      default: break
      }
      return reports.count == count
    }
    return reports
  }

  static func task(
    _ id: UInt64,
    body text: String = "Subject: test\n\nHello\n",
    kind: Envelope.Kind = .relay,
    action: String = "relay",
    recipients: [String] = ["bob"],
    inline: Bool = true
  ) -> DeliveryTask {
    let facts = SessionFacts(
      id: SessionID(1),
      source: .local,
      serverName: "me",
      helo: "me",
      hostname: "me"
    )
    guard let messageID = MessageID(UInt32(id)) else { preconditionFailure("task zero") }
    let message = Message(
      id: messageID,
      sender: Address(local: "ann", domain: "example.org"),
      created: Instant(seconds: 1_000_000_000),
      size: text.utf8.count,
      session: facts
    )
    let envelopes = recipients.enumerated().map { index, name in
      guard let id = EnvelopeID(message: messageID, low: UInt32(index + 1)) else {
        preconditionFailure("an envelope without a number")
      }
      let address = Address(local: name, domain: "example.net")
      return Envelope(
        id: id,
        kind: kind,
        action: action,
        recipient: address,
        destination: address,
        created: message.created
      )
    }
    return DeliveryTask(
      id: id,
      message: message,
      envelopes: envelopes,
      action: action,
      body: inline ? ByteBuffer(string: text) : nil
    )
  }
}
