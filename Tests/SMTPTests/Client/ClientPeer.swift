// SPDX-License-Identifier: ISC

import Mail

@testable import SMTP

/// Drives a client session as a test wants it, and keeps all that it gave out.
struct ClientPeer {
  var session: ClientSession
  /// One element a write.
  private(set) var writes: [String] = []
  private(set) var outcomes: [Int: ClientSession.Outcome] = [:]
  private(set) var events: [ClientSession.Action] = []
  private(set) var closeReason: ClientSession.CloseReason?

  init(
    _ dialect: ClientSession.Dialect = .smtp,
    security: ClientSession.Security = .never,
    credentials: ClientSession.Credentials? = nil,
    limits: ClientSession.Limits = .init()
  ) {
    session = ClientSession(
      name: "me.example",
      dialect: dialect,
      security: security,
      credentials: credentials,
      limits: limits
    )
    perform(session.connected())
  }

  /// A session that is ready, with these lines behind the first of EHLO's reply.
  static func ready(
    _ extensions: [String] = ["PIPELINING"],
    _ dialect: ClientSession.Dialect = .smtp,
    limits: ClientSession.Limits = .init()
  ) -> ClientPeer {
    var peer = ClientPeer(dialect, limits: limits)
    peer.receive("220 hi\r\n")
    let lines = ["mx"] + extensions
    for (index, line) in lines.enumerated() {
      peer.receive("250\(index + 1 == lines.count ? " " : "-")\(line)\r\n")
    }
    return peer
  }

  static func task(_ recipients: String..., size: Int = 10) -> ClientTask {
    ClientTask(
      sender: Address(local: "a", domain: "b"),
      recipients: recipients.map { ClientRecipient(address: Address(local: $0, domain: "d")) },
      size: size
    )
  }

  var hasTaskEnded: Bool { events.contains(.taskEnded) }

  /// What was written since the last time.
  mutating func takeWrites() -> [String] {
    defer { writes = [] }
    return writes
  }

  mutating func receive(_ text: String) { perform(session.received(Array(text.utf8))) }

  mutating func start(_ task: ClientTask) {
    outcomes = [:]
    events = []
    perform(session.start(task))
  }

  mutating func send(body: String) {
    perform(session.bodyChunk(Array(body.utf8)))
    perform(session.bodyEnded())
  }

  mutating func perform(_ actions: [ClientSession.Action]) {
    for action in actions {
      precondition(closeReason == nil, "nothing comes behind close")
      switch action {
      case .write(let bytes): writes.append(String(decoding: bytes, as: UTF8.self))
      case .outcome(let recipient, let outcome):
        precondition(outcomes[recipient] == nil, "two outcomes for one recipient")
        outcomes[recipient] = outcome
      case .close(let reason): closeReason = reason
      case .ready, .secure, .sendBody, .taskEnded, .rejectsAllMail: events.append(action)
      }
    }
  }
}

extension ClientSession.Outcome {
  /// `delivered`, `temporary` or `permanent`.
  var kind: String {
    switch self {
    case .delivered: "delivered"
    case .temporary: "temporary"
    case .permanent: "permanent"
    }
  }
}
