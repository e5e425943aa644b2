// SPDX-License-Identifier: ISC

internal import Glibc
internal import Interprocess
internal import Mail
internal import NIOCore
internal import NIOPosix

/// Has PAM asked whether passwords are right: by programs of the supervisor, one for each password, so many
/// at a time. The others wait.
///
/// PAM's modules open, load and run whatever the host's configuration names. None of it happens in this
/// process, whose promises would have to allow it.
final class VerifierDesk {
  typealias Answer = (AuthenticationQuestion.Verdict) -> Void

  private enum Limits {
    /// Programs that are asked at the same time. Of those that have answered some may not have ended yet,
    /// so that the supervisor allows for more.
    static let running = 16
    /// Questions that wait for one.
    static let waiting = 256
    /// How long one waits at most, in milliseconds: so that whoever asked still waits for what it finds.
    static let patience: Int64 = 4000
    /// How long a program may take to answer, in milliseconds: more than it gives itself, and with `patience`
    /// no more than lookup waits.
    static let answer: Int64 = 16_000
    /// Bytes of a password; PAM's conversation has room for no more than 512 with its end.
    static let password = 1...511
  }

  private struct Question {
    let name: String
    /// Where the client is, for modules that tell hosts apart; empty when it is on this one.
    let host: String
    let password: Secret
    /// When it came, in milliseconds.
    let came: Int64
    let answer: Answer
  }

  private let context: RoleContext
  private let pool = NIOThreadPool(numberOfThreads: Limits.running)
  private var waiting: [Question] = []
  private var asked: [UInt64: Question] = [:]
  private var talking = 0
  private var lastToken: UInt64 = 0

  init(_ context: RoleContext) {
    self.context = context
    pool.start()
  }

  /// Asks, now or later. `answer` is called once. Nobody has a password that no module may be asked for,
  /// or a name that modules could take for a path, an option or more of a line of their log.
  func verify(
    _ password: Secret,
    of name: String,
    from source: SourceAddress,
    answer: @escaping Answer
  ) {
    let isText = password.withBytes { !$0.contains(0) }
    guard isText, Limits.password.contains(password.count), VerifierDesk.isName(name) else {
      return answer(.denied)
    }
    guard waiting.count < Limits.waiting else { return answer(.failed) }
    waiting.append(
      Question(
        name: name,
        host: IPAddress(source)?.description ?? "",
        password: password,
        came: Clock.rising(),
        answer: answer
      )
    )
    askNext()
    guard !waiting.isEmpty else { return }
    context.loop.assumeIsolated().scheduleTask(in: .milliseconds(Limits.patience)) {
      [unowned self] in giveUpWaiting()
    }
  }

  private static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.first != UInt8(ascii: "-")
      && name.utf8.allSatisfy {
        0x21...0x7e ~= $0 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":")
      }
  }

  /// A program waits for its question.
  func started(_ token: UInt64, _ descriptor: consuming Descriptor) {
    guard let question = asked.removeValue(forKey: token) else { return }
    talking += 1
    let done = NIOLoopBound(
      { [unowned self] (verdict: AuthenticationQuestion.Verdict?) in
        talking -= 1
        if verdict == nil { context.log.warn("accounts: smtpd-pam does not answer") }
        question.answer(verdict ?? .failed)
        askNext()
      },
      eventLoop: context.loop
    )
    let loop = context.loop
    let (name, host, password) = (question.name, question.host, question.password)
    let channel = SupervisorChannel(descriptor: descriptor.release())
    pool.submit { _ in
      let verdict = VerifierDesk.ask(channel, name, host, password)
      channel.close()
      loop.execute { done.value(verdict) }
    }
  }

  /// There is no program for this one.
  func refused(_ token: UInt64, _ reason: String) {
    guard let question = asked.removeValue(forKey: token) else { return }
    context.log.warn("accounts: \(reason)")
    question.answer(.failed)
    askNext()
  }

  private func giveUpWaiting() {
    let now = Clock.rising()
    while let first = waiting.first, now - first.came >= Limits.patience {
      waiting.removeFirst().answer(.failed)
    }
  }

  private func askNext() {
    giveUpWaiting()
    while asked.count + talking < Limits.running, !waiting.isEmpty {
      let question = waiting.removeFirst()
      lastToken += 1
      asked[lastToken] = question
      context.tell(.verify(token: lastToken))
    }
  }

  /// Waits for the answer, or for the program's end, for which the supervisor cares. Nil: neither came in
  /// time. None of the texts has a zero in it.
  private static func ask(
    _ channel: SupervisorChannel,
    _ name: String,
    _ host: String,
    _ password: Secret
  ) -> AuthenticationQuestion.Verdict? {
    var question = Array(name.utf8) + [0] + Array(host.utf8) + [0]
    // No copy is left behind by growing.
    question.reserveCapacity(question.count + password.count + 1)
    password.withBytes { for byte in $0 { question.append(byte) } }
    question.append(0)
    defer { Secret.wipe(&question) }
    do throws(Interprocess.ChannelError) {
      try channel.send(question, .immediate)
      guard let answer = try channel.receive(within: Limits.answer) else { return nil }
      switch answer.bytes {
      case [UInt8(ascii: "+")]: return .accepted
      case [UInt8(ascii: "-")]: return .denied
      default: return .failed
      }
    } catch {
      return .failed
    }
  }
}
