// SPDX-License-Identifier: ISC

/// One look through the offline directory: which files are taken up and when, which are left, which are set
/// aside. Pure: told what there is, says what to do.
///
/// Anybody may put anything there. So only a regular file with one name, written by nobody but its owner,
/// counts as that owner's message, and no user gets more than a share of what is done at a time.
package struct OfflineRound: Sendable {
  /// What bounds it.
  package struct Limits: Sendable {
    /// Messages that are sent at a time.
    package var running = 5
    /// The same for one user.
    package var runningPerUser = 2
    /// Messages of one user that a round takes; the others wait for the next one.
    package var perUser = 500
    /// How long a message may wait that cannot be sent, in seconds: as long as any other in the queue.
    package var age: Int64 = 4 * 86_400
    /// How old an unfinished file becomes before it is set aside, in seconds.
    package var unfinishedAge: Int64 = 86_400

    package init() {}
  }

  /// What the kernel says of a name, once the file is open.
  package struct Facts: Equatable, Sendable {
    /// Whether it can be a message at all.
    package enum Kind: Equatable, Sendable {
      case regular
      case other
    }

    /// What it is.
    package var kind: Kind
    /// A user id.
    package var owner: UInt32
    /// A group id.
    package var group: UInt32
    /// How many names it has.
    package var links: UInt64
    /// Permission bits.
    package var mode: UInt32
    /// Seconds since the epoch.
    package var changed: Int64

    package init(
      kind: Kind,
      owner: UInt32,
      group: UInt32,
      links: UInt64,
      mode: UInt32,
      changed: Int64
    ) {
      self.kind = kind
      self.owner = owner
      self.group = group
      self.links = links
      self.mode = mode
      self.changed = changed
    }
  }

  /// What a name stands for.
  package enum Name: Equatable, Sendable {
    /// A message that was put there whole.
    case message
    /// One that is being written, or never was finished.
    case unfinished
    /// What an earlier round set aside.
    case setAside
    case foreign
  }

  /// What is to be done with a file.
  package enum Verdict: Equatable, Sendable {
    case take
    /// It stays for a later round.
    case leave
    /// It is moved out of the way, under a name that no round looks at, and the log says why.
    case setAside(String)
  }

  /// How the program ended that sent a message.
  package enum Ending: Equatable, Sendable {
    case status(Int32)
    case signal(Int32)
  }

  /// What bounds this round.
  package let limits: Limits
  /// Names by owner: while they are found, the first ones in no order; then the next one last.
  private var waiting: [UInt32: [String]] = [:]
  /// Owners in the order of their turns.
  private var turns: [UInt32] = []
  private var running: [UInt32: Int] = [:]
  private var runningCount = 0
  /// Whether something is left for a later round.
  package private(set) var hasRest = false

  package init(limits: Limits = Limits()) { self.limits = limits }

  /// What names begin with that no round looks at.
  package static let setAsidePrefix = "failed."
  /// What names begin with of files that are being written.
  package static let unfinishedPrefix = "tmp."

  /// OpenSMTPD's names: a time and letters.
  package static func kind(of name: String) -> Name {
    if name.hasPrefix(setAsidePrefix) { return .setAside }
    if name.hasPrefix(unfinishedPrefix) { return .unfinished }
    let parts = name.utf8.split(separator: 0x2e, omittingEmptySubsequences: false)
    let isMessage =
      name.utf8.count <= 64 && parts.count == 2
      && parts.allSatisfy { !$0.isEmpty } && parts[0].allSatisfy { 0x30...0x39 ~= $0 }
      && parts[1].allSatisfy {
        0x30...0x39 ~= $0 || 0x41...0x5a ~= $0 || 0x61...0x7a ~= $0
      }
    return isMessage ? .message : .foreign
  }

  /// What to do with the file of a name that is no message's, and has no other end than this.
  package func verdict(on name: Name, changed: Int64, now: Int64) -> Verdict {
    switch name {
    case .message, .setAside: .leave
    case .unfinished:
      now - changed > limits.unfinishedAge ? .setAside("it was never finished") : .leave
    case .foreign: .setAside("it has no name of a message")
    }
  }

  /// A message was found. Told in any order; those of one owner are sent in that of their names.
  package mutating func found(_ name: String, of owner: UInt32) {
    waiting[owner, default: []].append(name)
    // However many one has, no more than two shares are kept.
    if waiting[owner, default: []].count >= limits.perUser * 2 { keepFirst(of: owner) }
  }

  /// All were found.
  package mutating func begin() {
    for owner in waiting.keys {
      keepFirst(of: owner)
      waiting[owner]?.reverse()
    }
    turns = waiting.sorted { ($0.value.last ?? "", $0.key) < ($1.value.last ?? "", $1.key) }
      .map(\.key)
  }

  private mutating func keepFirst(of owner: UInt32) {
    let sorted = waiting[owner, default: []].sorted()
    if sorted.count > limits.perUser { hasRest = true }
    waiting[owner] = Array(sorted.prefix(limits.perUser))
  }

  /// No more are sent in this round.
  package mutating func stop() {
    if waiting.values.contains(where: { !$0.isEmpty }) { hasRest = true }
  }

  /// The next message to send: owners take turns, so that nobody waits behind all that another has. Nil
  /// when none may be sent before another one ends.
  package mutating func next() -> (name: String, owner: UInt32)? {
    guard runningCount < limits.running else { return nil }
    for (place, owner) in turns.enumerated() {
      guard running[owner, default: 0] < limits.runningPerUser,
        let name = waiting[owner]?.popLast()
      else { continue }
      turns.remove(at: place)
      if waiting[owner]?.isEmpty == false { turns.append(owner) }
      return (name, owner)
    }
    return nil
  }

  /// What to do with an open file.
  ///
  /// - Parameters:
  ///   - owner: whose it was when it was found.
  ///   - group: what the directory gives to files that are made there; nil where it gives none.
  package func verdict(on facts: Facts, of owner: UInt32, group: UInt32?) -> Verdict {
    guard facts.kind == .regular else { return .setAside("it is no regular file") }
    guard facts.owner == owner else { return .setAside("it has another owner than it had") }
    if let group, facts.group != group {
      return .setAside("it was not made there, but has the group \(facts.group)")
    }
    guard facts.links == 1 else { return .setAside("it has \(facts.links) links") }
    guard facts.mode & 0o022 == 0 else {
      return .setAside("others than its owner may write to it")
    }
    return .take
  }

  /// A message of this user is being sent.
  package mutating func started(_ user: UInt32) {
    running[user, default: 0] += 1
    runningCount += 1
  }

  /// The program ended. Returns what becomes of the file; nil: the message is in the queue, and the file
  /// goes.
  package mutating func ended(
    _ user: UInt32,
    _ ending: Ending,
    changed: Int64,
    now: Int64
  ) -> Verdict? {
    precondition(running[user, default: 0] > 0, "nothing of this user runs")
    running[user, default: 0] -= 1
    runningCount -= 1
    switch ending {
    case .status(SendmailStatus.accepted.rawValue): return nil
    case .status(SendmailStatus.offline.rawValue), .signal:
      // Whoever had a program ended does not keep others waiting with the next one.
      if case .signal = ending { waiting[user] = [] }
      guard now - changed <= limits.age else {
        return .setAside("it could not be sent for too long")
      }
      hasRest = true
      return .leave
    case .status(let status): return .setAside("sendmail ended with status \(status)")
    }
  }

  /// Something could not be looked at.
  package mutating func skipped() { hasRest = true }
}
