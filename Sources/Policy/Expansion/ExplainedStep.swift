// SPDX-License-Identifier: ISC

package import Mail

/// One node of an expansion with what was found out about it, for an operator.
package struct ExplainedStep: Hashable, Sendable {
  /// Something that was found out.
  package enum Note: Hashable, Sendable {
    case rules(ExplainedDecision)
    case alias(table: String, key: String)
    case notVirtual(table: String)
    case tableFailed(String)
    case unknownUser
    case accountsFailed
    case forward(ForwardFile)
    case unreadable(String)
    case noCommands
    case noDelivery
    case ignoredInclude
    case includeRefused(String)
    case includeFailed(String)
    /// Something that stands elsewhere in the tree already.
    case repeated(String)
    case delivery(EnvelopeDraft)
    case refused(Reply)
  }

  /// The place of the node that named it; nil for the recipient.
  package let parent: Int?
  /// As an alias would name it.
  package let name: String
  package internal(set) var notes: [Note] = []

  init(_ step: ExpansionStep) {
    parent = step.parent
    name = ExplainedStep.name(of: step.kind)
  }

  static func name(of kind: ExpansionStep.Kind) -> String {
    switch kind {
    case .address(let address): "\(address)"
    case .user(let name): name.whole
    case .leaf(.error(let code, let text)): "error:\(code) \(text)"
    case .leaf(.include(let path)): ":include:\(path)"
    case .leaf(.command(let text)): "|\(text)"
    case .leaf(.file(let path)): path
    case .leaf(.address(let address)): "\(address)"
    case .leaf(.user(let name)): name
    }
  }
}

extension ExplainedStep.Note {
  /// For an operator; nil where the rules are told one by one.
  package var text: String? {
    switch self {
    case .rules: nil
    case .alias(let table, let key): "table \(table) has \(key)"
    case .notVirtual(let table): "table \(table) has no entry for it"
    case .tableFailed(let table): "table \(table) cannot be asked"
    case .unknownUser: "there is no such user"
    case .accountsFailed: "the user database or the home cannot be asked now"
    case .forward(let file): ExplainedStep.Note.text(of: file)
    case .unreadable(let why): why
    case .noCommands: "a command, a file or an error is named, which is not allowed here"
    case .noDelivery: "the action delivers to no user"
    case .ignoredInclude: ":include: is ignored here"
    case .includeRefused(let path):
      "\(path) is no regular file, others may write to it, or _smtpd cannot read it"
    case .includeFailed(let path): "\(path) cannot be read now"
    case .repeated(let name): "\(name) is there already"
    case .delivery(let draft): ExplainedStep.Note.text(of: draft)
    case .refused(let reply):
      "refused: \(reply.code) \(reply.status.map { "\($0) " } ?? "")\(reply.lines[0])"
    }
  }

  private static func text(of file: ForwardFile) -> String {
    switch file {
    case .none: "no ~/.forward"
    case .content: "~/.forward is read"
    case .insecure:
      "~/.forward is a link, somebody else's, others may write to it, or its user cannot read it"
    case .held: "the home has the sticky bit: mail waits"
    case .tooLarge: "~/.forward is too large"
    case .failed: "~/.forward cannot be read now"
    }
  }

  private static func text(of draft: EnvelopeDraft) -> String {
    switch draft.kind {
    case .relay: "relay by \(draft.action)"
    case .bounce: "a notice"
    case .local(let local):
      switch local.method {
      case .action:
        "deliver by \(draft.action) to \(local.user)\(local.subaddress.map { ", sub-address \($0)" } ?? "")"
      case .command: "run by \(draft.action) as \(local.user)"
      case .file: "append by \(draft.action) as \(local.user)"
      }
    }
  }
}
