// SPDX-License-Identifier: ISC

internal import Delivery
internal import Sandbox
internal import Sendmail
internal import Submission

/// The short-lived programs that deliver, submit, or help with it, mostly under a user's own id: this
/// binary again.
enum DeliveryAgent: String {
  case maildir = "mail.maildir"
  case mailbox = "mail.mbox"
  case forward = "mail.forward"
  case lmtp = "mail.lmtp"
  case connect = "connect"
  case offline = "offline"
  case offlineSending = "offline.send"

  /// Returns the exit code.
  func run(_ arguments: [String], _ environment: [String: String]) -> Int32 {
    switch self {
    case .maildir: MaildirDelivery.run(arguments: arguments, environment: environment)
    case .mailbox: MailboxDelivery.run(arguments: arguments, environment: environment)
    case .forward: ForwardCommand.run(arguments, environment)
    case .lmtp: LMTPDelivery.run(arguments, environment)
    case .connect: SocketConnection.run(arguments)
    case .offline: OfflineAgent.run(arguments)
    case .offlineSending: resend(arguments).rawValue
    }
  }

  /// Under the id of a user, who is not to look into it or to change what it does.
  private func resend(_ arguments: [String]) -> SendmailStatus {
    guard arguments.count == 1 else { return .usage }
    do throws(SandboxError) {
      try Sandbox.conceal()
    } catch {
      return .offline
    }
    return Sendmail.resend(to: arguments[0])
  }
}
