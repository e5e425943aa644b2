// SPDX-License-Identifier: ISC

package import ControlProtocol
internal import Glibc
internal import Mail
internal import SMTP
package import Submission

/// sendmail(8): hands the message on standard input to the daemon, or keeps it where the daemon will find
/// it.
package struct Sendmail {
  /// What becomes of a message that the daemon cannot take now.
  private enum Fallback {
    /// It is put there, with these arguments.
    case offline(directory: String, [String])
    /// It is there already.
    case stays
  }

  private let options: SendmailOptions
  private let socket: String
  private let fallback: Fallback
  private let caller = Caller.current

  /// Sends what is on standard input, as `options` say.
  ///
  /// - Parameter arguments: what the options were made of.
  package static func send(
    _ options: SendmailOptions,
    _ arguments: [String],
    to place: StateDirectory
  ) -> SendmailStatus {
    let work = Sendmail(
      options: options,
      socket: place.submission,
      fallback: .offline(directory: place.offline, arguments)
    )
    do throws(InputReader.Failure) {
      let input = try InputReader.all(of: STDIN_FILENO, atMost: OfflineMessage.Limits.message)
      return work.submit(input, written: Sendmail.now)
    } catch {
      switch error {
      case .tooLong: Output.report("the message is too long")
      case .failed(let reason): Output.report("standard input: \(reason)")
      }
      return .refused
    }
  }

  /// Sends a message of the offline directory, which is on standard input, as whoever runs this.
  package static func resend(to socket: String) -> SendmailStatus {
    // A server that goes away is an error of a write.
    _ = signal(SIGPIPE, SIG_IGN)
    let limit = OfflineMessage.Limits.message + OfflineMessage.Limits.arguments + 1
    guard let bytes = try? InputReader.all(of: STDIN_FILENO, atMost: limit),
      let message = try? OfflineMessage(parsing: bytes),
      let options = try? SendmailOptions(message.arguments)
    else {
      Output.report("it is no message of the offline directory")
      return .usage
    }
    var facts = stat()
    // The structure is written during the call only.
    let isKnown = unsafe fstat(STDIN_FILENO, &facts) == 0
    let written = isKnown ? Instant(milliseconds: Int64(facts.st_mtim.tv_sec) * 1000) : now
    return Sendmail(options: options, socket: socket, fallback: .stays)
      .submit(message.input, written: written)
  }

  /// `-bs`: SMTP on standard input and output.
  package static func converse(at place: StateDirectory) -> SendmailStatus {
    do throws(SubmissionSocket.Failure) {
      let socket = try SubmissionSocket(path: place.submission)
      return socket.converse(input: STDIN_FILENO, output: STDOUT_FILENO) ? .accepted : .unavailable
    } catch {
      Output.report(error.text)
      return .unavailable
    }
  }

  private static var now: Instant {
    var time = timespec()
    // The structure is written during the call only.
    _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Instant(milliseconds: Int64(time.tv_sec) * 1000)
  }

  private func submit(_ input: [UInt8], written: Instant) -> SendmailStatus {
    // What is wrong with it whoever gets it is told now, and not when nobody listens any more.
    do throws(SubmissionDraft.Fault) {
      _ = try draft(input, written, serverName: "localhost")
    } catch {
      return refuse(input, "\(error)", at: written)
    }
    var fault: SubmissionDraft.Fault?
    let outcome = converse { name throws(SubmissionDraft.Fault) in
      do throws(SubmissionDraft.Fault) {
        return try draft(input, written, serverName: name)
      } catch {
        fault = error
        throw error
      }
    }
    switch outcome {
    case .accepted: return .accepted
    case .cancelled where fault == .noServerName:
      Output.report("\(SubmissionDraft.Fault.noServerName)")
      return .noHost
    case .cancelled: return refuse(input, fault.map { "\($0)" } ?? "", at: written)
    case .refused(let command, let reply):
      let text = "\(command): \(reply)"
      // Too many recipients are too many tomorrow, too.
      let isFinal = reply.isPermanent || reply.status?.isRecipientCount == true
      return isFinal ? refuse(input, text, at: written) : keep(input, text, at: written)
    case .unavailable(let text): return keep(input, text, at: written)
    }
  }

  private func draft(
    _ input: [UInt8],
    _ written: Instant,
    serverName: String
  ) throws(SubmissionDraft.Fault) -> SubmissionDraft {
    try SubmissionDraft(
      input,
      options,
      login: caller.login,
      serverName: serverName,
      now: written
    )
  }

  private func converse(
    _ compose: (String) throws(SubmissionDraft.Fault) -> SubmissionDraft
  ) -> SubmissionSession.Outcome {
    do throws(SubmissionSocket.Failure) {
      let socket = try SubmissionSocket(path: self.socket)
      var session = SubmissionSession(name: "localhost")
      while true {
        let bytes = socket.receive()
        trace("<<<", bytes)
        var pending = bytes.isEmpty ? session.closed() : session.received(bytes)
        while !pending.isEmpty {
          switch pending.removeFirst() {
          case .write(let bytes):
            trace(">>>", bytes)
            guard !socket.send(bytes) else { continue }
            // Whoever closes early may have said why.
            let last = socket.receive()
            trace("<<<", last)
            pending += last.isEmpty ? session.closed() : session.received(last)
          case .compose(let name):
            do throws(SubmissionDraft.Fault) {
              let draft = try compose(name)
              pending += session.start(task(of: draft), message: draft.message)
            } catch {
              pending += session.cancel()
            }
          case .close(let outcome): return outcome
          }
        }
      }
    } catch {
      return .unavailable(error.text)
    }
  }

  private func task(of draft: SubmissionDraft) -> ClientTask {
    let recipients = draft.recipients.map { address in
      var recipient = ClientRecipient(address: address)
      recipient.notify = options.notify
      return recipient
    }
    var task = ClientTask(
      sender: draft.sender,
      recipients: recipients,
      size: draft.message.count
    )
    task.content = draft.content
    task.returnContent = options.returnContent
    task.envelopeIdentifier = options.envelopeIdentifier
    return task
  }

  /// `-v`: commands and replies, and of the message itself only where it begins.
  private func trace(_ mark: String, _ bytes: [UInt8]) {
    guard options.isVerbose else { return }
    for line in bytes.prefix(4096).split(separator: 0x0a) {
      let text = String(decoding: line.filter { $0 >= 0x20 && $0 != 0x7f }, as: UTF8.self)
      _ = Output.write(Array("\(mark) \(text)\n".utf8), to: STDOUT_FILENO)
    }
  }

  private func refuse(_ input: [UInt8], _ text: String, at now: Instant) -> SendmailStatus {
    let kept = DeadLetter.keep(input, of: caller, at: now)
    Output.report(text + (kept.map { "; the message is in \($0)" } ?? "; the message is not kept"))
    return .refused
  }

  private func keep(_ input: [UInt8], _ text: String, at now: Instant) -> SendmailStatus {
    guard case .offline(let directory, let arguments) = fallback else {
      Output.report(text)
      return .offline
    }
    do throws(OfflineDirectory.Failure) {
      let message = OfflineMessage(arguments: arguments, input: input)
      try OfflineDirectory.put(message, in: directory, at: now)
      Output.report("\(text); the message is sent when smtpd is there")
      return .offline
    } catch {
      Output.report("\(text); the message is not sent: \(error.text)")
      return .unavailable
    }
  }
}

extension EnhancedStatus {
  /// 5.5.3: too many recipients for one message.
  fileprivate var isRecipientCount: Bool { subject == 5 && detail == 3 }
}
