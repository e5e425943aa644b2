// SPDX-License-Identifier: ISC

internal import Mail
internal import Policy

extension Expansion.Outcome {
  /// What became of a recipient, for a verbose log.
  func text(for recipient: Address) -> String {
    switch self {
    case .refused(let reply):
      return "rcpt=<\(recipient)> is refused: \(reply.code) \(reply.lines[0])"
    case .accepted(let drafts):
      guard let first = drafts.first else { return "rcpt=<\(recipient)> stands for nobody" }
      let more = drafts.count > 1 ? ", and \(drafts.count - 1) more" : ""
      return "rcpt=<\(recipient)> stands for <\(first.destination)>"
        + " by action \(first.action)\(more)"
    }
  }
}
