// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Policy

extension LookupToAccounts {
  init(_ token: UInt64, _ question: ExpansionQuestion) {
    switch question {
    case .account(let name, .unwanted): self = .user(token: token, name: name)
    case .account(let name, .wanted): self = .userAndForward(token: token, name: name)
    case .forward(let account):
      self = .forward(token: token, uid: account.user, gid: account.group, home: account.home)
    case .include(let path): self = .list(token: token, path: path)
    }
  }
}

extension AccountsToLookup {
  /// What an expansion is told, and by which token it asked; nil when no expansion asked.
  var answer: (UInt64, ExpansionAnswer)? {
    switch self {
    case .found(let token, let uid, let gid, let home, let file):
      (token, .account(Account(user: uid, group: gid, home: home), file))
    case .absent(let token): (token, .absent)
    case .failed(let token): (token, .failed)
    case .forward(let token, let file): (token, .forward(file))
    case .list(let token, let bytes, let isOfAdministrator):
      (token, .include(bytes, isOfAdministrator ? .administrator : .other))
    case .listRefused(let token): (token, .refused)
    case .authentication: nil
    }
  }
}
