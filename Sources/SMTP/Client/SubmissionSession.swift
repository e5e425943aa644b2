// SPDX-License-Identifier: ISC

package import Mail

/// A program's side of the submission socket: one message, for all of its recipients or for none. Pure:
/// told what arrived, says what to do.
///
///     greeting ──220──▶ identifying ──250──▶ composing ──start──▶ addressing ──354──▶ finishing
///                                                                                        │
///                                                       ended ◀── quitting ◀──any refusal, 250
///
/// Unlike `ClientSession`, which delivers to whom it can, it sends DATA only when nobody was refused: a
/// person who is told of a mistake sends again, and nobody is to get the message twice.
package struct SubmissionSession: Sendable {
  /// What the driver has to do, in this order.
  package enum Action: Equatable, Sendable {
    case write([UInt8])
    /// Answer with `start`, or `cancel`: the name that the server goes by is known now.
    case compose(serverName: String)
    /// Close the connection. The last action.
    case close(Outcome)
  }

  /// What became of the message.
  package enum Outcome: Equatable, Sendable {
    case accepted(Reply)
    /// The server said no to this command, or to the message.
    case refused(command: String, Reply)
    /// There was no conversation, or it broke off: nobody has the message.
    case unavailable(String)
    /// `cancel` was called.
    case cancelled
  }

  private enum State: Equatable, Sendable {
    case greeting
    case identifying
    /// `compose` waits for its answer.
    case composing
    case addressing
    /// Behind the message.
    case finishing
    case quitting
    case ended
  }

  private let name: String
  private let window: Int
  private var state = State.greeting
  private var reader = ReplyReader()
  private var serverName = ""
  private var extensions = ServerExtensions()
  private var task: ClientTask?
  private var message: [UInt8] = []
  /// What the next replies answer.
  private var commands: [String] = []
  private var nextRecipient = 0
  private var outcome = Outcome.unavailable("the server ended the conversation")
  private var output: [UInt8] = []

  /// - Parameters:
  ///   - name: what EHLO says.
  ///   - window: RCPT commands that wait for their replies at the same time.
  package init(name: String, window: Int = 100) {
    self.name = name
    self.window = window
  }

  /// The server sent bytes.
  package mutating func received(_ bytes: [UInt8]) -> [Action] {
    var actions: [Action] = []
    var rest = bytes[...]
    while state != .ended, !rest.isEmpty {
      do throws(ReplyReader.Fault) {
        guard let reply = try reader.read(&rest) else { break }
        actions += take(reply)
      } catch {
        actions += end(.unavailable("the server speaks no SMTP"))
      }
    }
    if !output.isEmpty {
      if state != .ended { actions.insert(.write(output), at: 0) }
      output = []
    }
    return actions
  }

  /// The connection is gone.
  package mutating func closed() -> [Action] {
    state == .ended ? [] : end(outcome)
  }

  /// The answer to `compose`; nothing, when the server has ended the conversation since.
  ///
  /// - Parameter message: its lines end in LF.
  package mutating func start(_ task: ClientTask, message: [UInt8]) -> [Action] {
    guard state != .ended else { return [] }
    precondition(state == .composing, "nothing was asked for")
    if let sizeMax = extensions.sizeMax, message.count > sizeMax {
      quit(.refused(command: "DATA", SubmissionSession.tooBig(sizeMax)))
      defer { output = [] }
      return [.write(output)]
    }
    self.task = task
    self.message = message
    state = .addressing
    var line: [UInt8] = []
    ClientCommand(extensions: extensions).appendMail(task, to: &line)
    say(line)
    sendMore()
    defer { output = [] }
    return [.write(output)]
  }

  /// The answer to `compose` of one who has nothing to send.
  package mutating func cancel() -> [Action] {
    guard state != .ended else { return [] }
    precondition(state == .composing, "nothing was asked for")
    quit(.cancelled)
    defer { output = [] }
    return [.write(output)]
  }

  private mutating func take(_ reply: Reply) -> [Action] {
    switch state {
    case .greeting:
      guard reply.code == 220 else { return refused("connection", reply) }
      serverName = reply.lines[0].split(separator: " ").first.map(String.init) ?? ""
      say(Array("EHLO \(name)\r\n".utf8))
      state = .identifying
    case .identifying:
      commands = []
      guard reply.code / 100 == 2 else { return refused("EHLO", reply) }
      extensions = ServerExtensions(reply)
      state = .composing
      return [.compose(serverName: serverName)]
    case .composing: return end(.unavailable("the server says what nobody asked"))
    case .addressing: return takeAddressing(reply)
    case .finishing:
      guard reply.code / 100 == 2 else { return refused("DATA", reply) }
      quit(.accepted(reply))
    case .quitting:
      // Those to commands that were on their way are answered before the one to QUIT.
      if !commands.isEmpty { commands.removeFirst() }
      if commands.isEmpty { return end(outcome) }
    case .ended: break
    }
    return []
  }

  private mutating func takeAddressing(_ reply: Reply) -> [Action] {
    guard !commands.isEmpty else { return end(.unavailable("the server says what nobody asked")) }
    let command = commands.removeFirst()
    guard reply.isPositive else { return refused(command, reply) }
    if reply.code == 354 {
      var encoder = BodyEncoder()
      encoder.encode(message, to: &output)
      encoder.finish(&output)
      message = []
      state = .finishing
    } else {
      sendMore()
    }
    return []
  }

  /// The next recipients, and DATA alone once nobody was refused.
  private mutating func sendMore() {
    guard let task else { preconditionFailure("recipients of no message") }
    let mayPipeline = extensions.keywords.contains(.pipelining)
    while nextRecipient < task.recipients.count, commands.count < (mayPipeline ? window : 1) {
      var line: [UInt8] = []
      let recipient = task.recipients[nextRecipient]
      ClientCommand(extensions: extensions).appendRecipient(recipient, to: &line)
      nextRecipient += 1
      say(line)
    }
    if nextRecipient == task.recipients.count, commands.isEmpty { say(Array("DATA\r\n".utf8)) }
  }

  private mutating func say(_ line: [UInt8]) {
    output += line
    commands.append(String(decoding: line.dropLast(2), as: UTF8.self))
  }

  /// What the server would say once it had read as much.
  private static func tooBig(_ sizeMax: Int) -> Reply {
    Reply(
      554,
      EnhancedStatus(.permanent, 3, 4),
      "Message too big for this server: it takes \(sizeMax) bytes"
    )
  }

  private mutating func refused(_ command: String, _ reply: Reply) -> [Action] {
    // Nobody talks on after 421, nor to a server that did not greet.
    if reply.code == 421 || state == .greeting { return end(.refused(command: command, reply)) }
    quit(.refused(command: command, reply))
    return []
  }

  private mutating func quit(_ outcome: Outcome) {
    self.outcome = outcome
    state = .quitting
    say(Array("QUIT\r\n".utf8))
  }

  private mutating func end(_ outcome: Outcome) -> [Action] {
    state = .ended
    return [.close(outcome)]
  }
}
