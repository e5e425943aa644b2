// SPDX-License-Identifier: ISC

internal import Interprocess

/// What delivery asked for and cannot be started yet: a user is being looked up, or lookup is asked
/// whether a table still holds the command.
///
///     asked ──▶ user known ──▶ command of a table confirmed ──▶ started
struct PendingPrograms {
  /// What bounds them.
  enum Limits {
    /// Requests at one time.
    static let requests = 256
    /// How long each may take, in milliseconds.
    static let time: Int64 = 30_000
  }

  /// What is wanted.
  enum Want {
    case command(CommandRequest)
    /// A connection to the local socket of an action.
    case connection(task: UInt64, action: String)

    var task: UInt64 {
      switch self {
      case .command(let request): request.task
      case .connection(let task, _): task
      }
    }
  }

  /// What the answer is waited for of.
  enum Stage {
    case account(AccountName)
    case confirmation(Account)
  }

  /// One request.
  struct Entry {
    let want: Want
    var stage: Stage
    let deadline: Int64
  }

  /// By a number of ours: a delivering role that is started anew numbers its tasks anew.
  private var entries: [UInt64: Entry] = [:]
  private var lastToken: UInt64 = 0

  var nextDeadline: Int64? { entries.values.lazy.map(\.deadline).min() }

  /// Nil when there are too many.
  mutating func add(_ want: Want, _ account: AccountName, now: Int64) -> UInt64? {
    guard entries.count < Limits.requests else { return nil }
    lastToken += 1
    entries[lastToken] = Entry(
      want: want,
      stage: .account(account),
      deadline: now + Limits.time
    )
    return lastToken
  }

  /// Whom a question was about; nil when nobody was asked.
  func name(_ token: UInt64) -> AccountName? {
    guard case .account(let name)? = entries[token]?.stage else { return nil }
    return name
  }

  /// The user is known, and a table is asked next.
  mutating func confirm(_ token: UInt64, _ account: Account) {
    entries[token]?.stage = .confirmation(account)
  }

  func want(_ token: UInt64) -> Want? { entries[token]?.want }

  /// The user of a request that a table was asked about.
  func confirmed(_ token: UInt64) -> Account? {
    guard case .confirmation(let account)? = entries[token]?.stage else { return nil }
    return account
  }

  @discardableResult
  mutating func remove(_ token: UInt64) -> Want? { entries.removeValue(forKey: token)?.want }

  mutating func remove(task: UInt64) {
    for (token, entry) in entries where entry.want.task == task { entries[token] = nil }
  }

  mutating func removeAll() { entries = [:] }

  func overdue(at now: Int64) -> [UInt64] {
    entries.filter { $0.value.deadline <= now }.map(\.key)
  }

  /// The requests that wait for this role.
  func waiting(for role: Role) -> [UInt64] {
    entries.filter { _, entry in
      switch entry.stage {
      case .account(let name): role == (name.directory == .accounts ? .accounts : .lookup)
      case .confirmation: role == .lookup
      }
    }
    .map(\.key)
  }
}
