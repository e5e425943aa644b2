// SPDX-License-Identifier: ISC

import Glibc
import Synchronization

/// The thread that owns the libunbound contexts.
final class ResolverThread: Sendable {
  private let handle: pthread_t

  /// Makes the contexts on the caller's thread, so that errors are the caller's, then starts.
  init(
    _ configuration: ResolverConfiguration,
    _ inbox: ResolverService.SharedInbox
  ) throws(ResolverError) {
    let loop = try ResolverLoop(configuration, inbox)
    var thread = pthread_t()
    // The thread takes over the one reference to the loop; nobody else has one.
    let argument = unsafe Unmanaged.passRetained(loop).toOpaque()
    let failure = unsafe pthread_create(
      &thread,
      nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        // The reference that `init` gave away.
        unsafe Unmanaged<ResolverLoop>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      },
      argument
    )
    guard failure == 0 else {
      // No thread took the reference.
      unsafe Unmanaged<ResolverLoop>.fromOpaque(argument).release()
      throw .system(call: "pthread_create", code: failure)
    }
    handle = thread
  }

  /// Waits for the end of the thread; once.
  func join() {
    // The handle is that of a thread which nobody else joins.
    _ = pthread_join(handle, nil)
  }
}

/// What the resolver's thread does until it is stopped.
final class ResolverLoop {
  private struct Question {
    let question: DNSQuestion
    let completion: ResolverService.Completion
    let deadline: ContinuousClock.Instant
    let context: UnboundContext
    var answers: [RecordAnswer?]
    var queries: [Int32]
  }

  private let inbox: ResolverService.SharedInbox
  private let limits: ResolverLimits
  private let plain: UnboundContext
  /// Used once a probe has shown that the servers pass DNSSEC on.
  private let validating: UnboundContext?
  private var validation: Validation
  private var open: [UInt64: Question] = [:]
  /// Deadlines rise with the number: this is the oldest that may still be open.
  private var oldest: UInt64 = 0
  private var last: UInt64 = 0

  private enum Validation {
    case off
    case unknown(nextProbe: ContinuousClock.Instant)
    case probing
    case on
  }

  private static let probePause: Duration = .seconds(60)

  init(
    _ configuration: ResolverConfiguration,
    _ inbox: ResolverService.SharedInbox
  ) throws(ResolverError) {
    self.inbox = inbox
    limits = configuration.limits
    let anchor = configuration.trustAnchor
    switch (configuration.mode, anchor.contains { !$0.isWhitespace }) {
    case (_, false):
      plain = try UnboundContext(configuration, .none)
      validating = nil
      validation = .off
    case (.recursive, true):
      plain = try UnboundContext(configuration, .with(anchor: anchor))
      validating = nil
      validation = .off
    case (_, true):
      plain = try UnboundContext(configuration, .none)
      validating = try UnboundContext(configuration, .with(anchor: anchor))
      validation = .unknown(nextProbe: .now)
    }
  }

  func run() {
    while true {
      let (questions, isStopping) = inbox.content.withLock { inbox in
        defer { inbox.questions = [] }
        return (inbox.questions, inbox.isStopping)
      }
      for (question, completion) in questions { ask(question, completion) }
      if isStopping { break }
      probeIfDue()
      wait()
      inbox.bell.silence()
      plain.process()
      validating?.process()
      expire()
    }
    for number in Array(open.keys) { end(number, DNSAnswer(.temporary(.unavailable))) }
  }

  private func wait() {
    var entries = [pollfd(fd: inbox.bell.readEnd, events: Int16(POLLIN), revents: 0)]
    for context in [plain, validating].compactMap({ $0 }) {
      entries.append(pollfd(fd: context.descriptor, events: Int16(POLLIN), revents: 0))
    }
    let isIdle: Bool
    switch validation {
    case .unknown, .probing: isIdle = false
    case .off, .on: isIdle = open.isEmpty
    }
    // The array is not touched during the call, and its count is passed.
    _ = unsafe poll(&entries, nfds_t(entries.count), isIdle ? -1 : 1000)
  }

  private func ask(_ question: DNSQuestion, _ completion: @escaping ResolverService.Completion) {
    let context: UnboundContext
    if case .on = validation { context = validating ?? plain } else { context = plain }
    last += 1
    let number = last
    let queries = question.queries
    open[number] = Question(
      question: question,
      completion: completion,
      deadline: .now + limits.questionTime,
      context: context,
      answers: Array(repeating: nil, count: queries.count),
      queries: []
    )
    for (position, query) in queries.enumerated() {
      let id = context.resolve(query.name, query.type) { [weak self] answer in
        self?.answered(number, position, answer)
      }
      guard let id else { return end(number, DNSAnswer(.temporary(.unavailable))) }
      open[number]?.queries.append(id)
    }
  }

  private func answered(_ number: UInt64, _ position: Int, _ answer: RecordAnswer) {
    open[number]?.answers[position] = answer
    guard let question = open[number] else { return }
    let answers = question.answers.compactMap { $0 }
    guard answers.count == question.answers.count else { return }
    end(number, question.question.answer(from: answers))
  }

  private func end(_ number: UInt64, _ answer: DNSAnswer) {
    guard let question = open.removeValue(forKey: number) else { return }
    for query in question.queries { question.context.cancel(query) }
    inbox.content.withLock { $0.inFlight -= 1 }
    question.completion(answer)
  }

  private func expire() {
    let now = ContinuousClock.now
    while oldest <= last {
      if let question = open[oldest] {
        guard question.deadline <= now else { return }
        end(oldest, DNSAnswer(.temporary(.timeout)))
      }
      oldest += 1
    }
  }

  /// Asks for the root's keys: only a server that passes DNSSEC on lets them be validated.
  private func probeIfDue() {
    guard case .unknown(let moment) = validation, moment <= .now, let validating else { return }
    validation = .probing
    let id = validating.resolve(".", .key) { [weak self] answer in
      guard let self else { return }
      switch (answer.outcome, answer.authenticity) {
      case (.data, .validated): validation = .on
      case (.temporary, _): validation = .unknown(nextProbe: .now + Self.probePause)
      default: validation = .off
      }
    }
    if id == nil { validation = .off }
  }
}
