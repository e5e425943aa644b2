// SPDX-License-Identifier: ISC

import Glibc
import Mail
import NIOCore
import NIOPosix
import Testing

@testable import Delivery

@Suite("Local deliveries through pipes")
struct LocalServiceTests {
  private static let kind = Envelope.Kind.local(LocalDelivery(user: "bob"))

  private func bench() async throws -> ServiceBench {
    var settings = DeliverySettings()
    settings.actions["local"] = .command
    return try await ServiceBench(
      settings,
      on: MultiThreadedEventLoopGroup.singleton.next()
    )
  }

  private static func pipes() throws -> (read: CInt, write: CInt) {
    var ends: [CInt] = [-1, -1]
    // pipe(2) fills two integers.
    let failure = unsafe pipe(&ends)
    try #require(failure == 0)
    return (ends[0], ends[1])
  }

  private static func readAll(_ descriptor: CInt) throws -> String {
    var all: [UInt8] = []
    while true {
      let bytes = try MaildirFile.read(descriptor, room: 4096)
      guard !bytes.isEmpty else { break }
      all += bytes
    }
    return String(decoding: all, as: UTF8.self)
  }

  private func outcome(
    of task: DeliveryTask,
    printing output: String,
    exit: CommandExit,
    reading: Bool = true,
    unread: Int = 0
  ) async throws -> (DeliveryOutcome?, read: String, length: Int) {
    let bench = try await bench()
    try await bench.run { $0.begin(task) }
    let input = try Self.pipes()
    let answer = try Self.pipes()
    var read = ""
    var length = 0
    var result: DeliveryOutcome?
    try await bench.watch { effect in
      switch effect {
      case .startCommand(let request):
        length = request.length
        if !reading { close(input.read) }
        try MaildirFile.writeAll(answer.write, Array(output.utf8))
        close(answer.write)
        try await bench.run {
          $0.commandStarted(request: request.id, input: input.write, output: answer.read)
        }
        if !reading {
          try await bench.run { $0.commandEnded(request: request.id, exit) }
        }
        return false
      case .commandFed(let request):
        read = try Self.readAll(input.read)
        close(input.read)
        try await bench.run { $0.commandEnded(request: request, exit, unread: unread) }
        return false
      case .report(let report):
        result = report.outcomes.first?.outcome
        return true
      default: return false
      }
    }
    return (result, read, length)
  }

  @Test("the command gets head and message, and its length was announced")
  func delivery() async throws {
    let (outcome, read, length) = try await outcome(
      of: ServiceBench.task(1, kind: Self.kind, action: "local"),
      printing: "",
      exit: .exited(code: 0)
    )
    #expect(outcome == .delivered(text: "Delivered", relay: nil, support: .none))
    #expect(
      read == "Return-Path: <ann@example.org>\nDelivered-To: bob@example.net\n"
        + "Subject: test\n\nHello\n"
    )
    #expect(length == read.utf8.count)
  }

  @Test("a failure has the last line of output as its reason")
  func failure() async throws {
    let (outcome, _, _) = try await outcome(
      of: ServiceBench.task(1, kind: Self.kind, action: "local"),
      printing: "working\nno such mailbox\n",
      exit: .exited(code: 67)
    )
    #expect(outcome == .permanent(EnhancedStatus(.permanent, 1, 1), "no such mailbox"))
  }

  @Test("a command that does not read is not trusted with success")
  func premature() async throws {
    let (outcome, _, _) = try await outcome(
      of: ServiceBench.task(1, kind: Self.kind, action: "local"),
      printing: "",
      exit: .exited(code: 0),
      reading: false
    )
    #expect(
      outcome == .temporary(EnhancedStatus(.temporary, 3, 0), "mda exited prematurely")
    )
  }

  @Test("what is left in the pipe was not read")
  func unread() async throws {
    for (unread, code) in [(1, UInt8(0)), (0, 0), (1, 67)] {
      let (outcome, _, _) = try await outcome(
        of: ServiceBench.task(1, kind: Self.kind, action: "local"),
        printing: "",
        exit: .exited(code: code),
        unread: unread
      )
      switch (unread, code) {
      case (1, 0):
        #expect(
          outcome == .temporary(EnhancedStatus(.temporary, 3, 0), "mda exited prematurely")
        )
      case (0, 0): #expect(outcome == .delivered(text: "Delivered", relay: nil, support: .none))
      default: #expect(outcome == .permanent(EnhancedStatus(.permanent, 1, 1), "user unknown"))
      }
    }
  }

  @Test("a message that was delivered here before is a loop, and nothing is started")
  func loop() async throws {
    let bench = try await bench()
    let task = ServiceBench.task(
      1,
      body: "Delivered-To: bob@example.net\n\nx\n",
      kind: Self.kind,
      action: "local"
    )
    try await bench.run { $0.begin(task) }
    let reports = try await bench.reports(1)
    #expect(reports[1] == [.loop("Loop detected")])
  }

  @Test("a command that is refused, or whose supervisor is gone, defers")
  func refusal() async throws {
    let bench = try await bench()
    let task = ServiceBench.task(1, kind: Self.kind, action: "local")
    try await bench.run { service in
      service.begin(task)
      service.commandEnded(request: 1, .refused("no such user"))
    }
    let first = try await bench.reports(1)
    #expect(
      first[1] == [.temporary(EnhancedStatus(.temporary, 3, 0), "no such user")]
    )
    try await bench.run { service in
      service.begin(ServiceBench.task(2, kind: Self.kind, action: "local"))
      service.supervisorReplaced()
    }
    let second = try await bench.reports(1)
    #expect(
      second[2] == [
        .temporary(EnhancedStatus(.temporary, 3, 0), "The supervisor is restarting")
      ]
    )
  }

  @Test("a body that fails while the command runs kills the command")
  func brokenBody() async throws {
    let bench = try await bench()
    let task = ServiceBench.task(
      1,
      body: "Subject: x\n\nHello\n",
      kind: Self.kind,
      action: "local",
      inline: false
    )
    try await bench.run { service in
      service.begin(task)
      service.bodyArrived(task: 1, ByteBuffer(string: "Subject: x\n\nHe"))
      service.bodyFailed(task: 1, reason: "gone")
    }
    var isKilled = false
    try await bench.watch { effect in
      if case .killCommand = effect { isKilled = true }
      if case .report(let report) = effect {
        #expect(
          report.outcomes[0].outcome
            == .temporary(EnhancedStatus(.temporary, 3, 0), "gone")
        )
        return true
      }
      return false
    }
    #expect(isKilled)
  }

  @Test("a command that ends before the body has come: no more of that is wanted")
  func cutOffBody() async throws {
    let bench = try await bench()
    let task = ServiceBench.task(
      1,
      kind: Self.kind,
      action: "local",
      inline: false
    )
    try await bench.run { service in
      service.begin(task)
      service.bodyArrived(task: 1, ByteBuffer(string: "Subject: x\n\nHe"))
    }
    let input = try Self.pipes()
    let answer = try Self.pipes()
    var outcomes: [DeliveryOutcome] = []
    var isCancelled = false
    try await bench.watch { effect in
      switch effect {
      case .cancelBody(task: 1):
        isCancelled = true
        return false
      case .startCommand(let request):
        close(answer.write)
        try await bench.run {
          $0.commandStarted(request: request.id, input: input.write, output: answer.read)
        }
        close(input.read)
        try await bench.run { $0.commandEnded(request: request.id, .exited(code: 67)) }
        return false
      case .report(let report):
        outcomes = report.outcomes.map(\.outcome)
        return true
      default: return false
      }
    }
    #expect(outcomes == [.permanent(EnhancedStatus(.permanent, 1, 1), "user unknown")])
    #expect(isCancelled)
  }

  @Test("a task of several deliveries is none of ours")
  func several() async throws {
    let bench = try await bench()
    let task = ServiceBench.task(
      1,
      kind: Self.kind,
      action: "local",
      recipients: ["bob", "bob+x"]
    )
    try await bench.run { $0.begin(task) }
    let outcome = DeliveryOutcome.temporary(nil, "The task is not one local delivery")
    #expect(try await bench.reports(1)[1] == [outcome, outcome])
  }

  @Test("a user's deliveries are bounded, and so are all of them")
  func limits() {
    var pool = LocalPool(LocalLimits(), firstHold: 0)
    var started: [UInt64] = []
    var held: [UInt64] = []
    func take(_ actions: [LocalPool.Action]) {
      for action in actions {
        if case .start(let task) = action { started.append(task) }
        if case .hold(let task, _) = action { held.append(task) }
      }
    }
    for task in UInt64(1)...60 { take(pool.begin(task: task, for: "bob")) }
    #expect(started == Array(1...7))
    #expect(held == [58, 59, 60])
    for user in 0..<10 {
      for task in UInt64(0)..<7 {
        take(pool.begin(task: 100 + UInt64(user) * 10 + task, for: "user\(user)"))
      }
    }
    #expect(pool.runningCount == 50)
    #expect(pool.counts == LocalPool.Counts(users: 11, running: 50, waiting: 57 + 70 - 50))
    take(pool.ended(task: 1))
    #expect(pool.runningCount == 50)
    #expect(Set(started).count == started.count)
  }
}
