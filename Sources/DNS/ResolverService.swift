// SPDX-License-Identifier: ISC

import Synchronization

/// Answers questions from the hosts file and the DNS, on a thread of its own.
///
/// Safe to call from any thread. To be made after the role has given up its rights: it starts threads.
package final class ResolverService: Sendable {
  package typealias Completion = @Sendable (DNSAnswer) -> Void

  /// Questions on their way to the resolver's thread.
  struct Inbox: Sendable {
    var questions: [(question: DNSQuestion, completion: Completion)] = []
    var inFlight = 0
    var isStopping = false
  }

  private let hosts: HostsFile
  private let limits: ResolverLimits
  private let inbox: SharedInbox
  private let thread: ResolverThread

  /// The part that both threads see.
  final class SharedInbox: Sendable {
    let content = Mutex(Inbox())
    let bell: WakePipe

    init(bell: WakePipe) { self.bell = bell }
  }

  /// - Throws: what libunbound or the system refuses; a trust anchor that cannot be read among it.
  package init(_ configuration: ResolverConfiguration) throws(ResolverError) {
    hosts = HostsFile(configuration.hosts)
    limits = configuration.limits
    inbox = SharedInbox(bell: try WakePipe())
    thread = try ResolverThread(configuration, inbox)
  }

  deinit { stop() }

  /// Answers exactly once, on this thread when the hosts file knows or too much is in flight, else on
  /// the resolver's own thread; hand over with `execute`.
  package func ask(_ question: DNSQuestion, completion: @escaping Completion) {
    if let known = hosts.answer(question) { return completion(known) }
    let isAdmitted = inbox.content.withLock { inbox in
      guard !inbox.isStopping, inbox.inFlight < limits.questionsInFlight else { return false }
      inbox.inFlight += 1
      inbox.questions.append((question, completion))
      return true
    }
    guard isAdmitted else { return completion(DNSAnswer(.temporary(.overloaded))) }
    inbox.bell.ring()
  }

  /// Ends the thread; open questions are answered `unavailable`. Returns when it has ended.
  package func stop() {
    let isFirst = inbox.content.withLock { inbox in
      defer { inbox.isStopping = true }
      return !inbox.isStopping
    }
    guard isFirst else { return }
    inbox.bell.ring()
    thread.join()
  }
}
