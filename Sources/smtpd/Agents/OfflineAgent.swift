// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess
internal import Mail
internal import Submission
internal import Supervisor

/// Takes up the messages of the offline directory: `offline DIRECTORY SOCKET [SECONDS ROUND]`, run by the
/// supervisor, which leaves the times as they are here.
///
/// Every file is opened here without following a link, looked at while it is open, and handed as standard
/// input to a program that is its owner and sends it. Only when that has succeeded is it removed: a crash
/// repeats at most those that are being sent.
struct OfflineAgent {
  /// What the supervisor is told.
  static let done: Int32 = 0
  static let failed: Int32 = 1
  /// Something is left for a later round.
  static let rest: Int32 = 75

  /// Times are in seconds.
  private struct Limits {
    /// How long a message may take. Its program is its owner's, who may stop it: it is ended from here.
    var seconds: UInt32 = 300
    /// How old a round becomes that still takes messages. With the last message it ends before
    /// `OfflineRunner.Limits.round`.
    var round: Int64 = 900
    /// How many are set aside, in a round, of those that nobody tried to send.
    let setAside = 1000
    /// Lines of the log about what is set aside in a round.
    let lines = 100
  }

  private struct File {
    let name: String
    let descriptor: CInt
    let owner: UInt32
    let changed: Int64
    let device: UInt64
    let inode: UInt64
  }

  private struct Sending {
    let file: File
    /// On the rising clock, in milliseconds.
    let deadline: Int64
  }

  private let path: String
  private let directory: CInt
  private let socket: String
  private let limits: Limits
  private let now: Int64
  /// The group that files have which were made in the directory; nil: it is not looked at.
  private var group: UInt32?
  private var hasStrangeName = false
  private var round = OfflineRound()
  private var running: [Int32: Sending] = [:]
  /// Readable when a program ended.
  private let signals: CInt
  private let begun = Clock.rising()
  private var setAside = 0
  private var isUnsynced = false

  static func run(_ arguments: [String]) -> Int32 {
    var limits = Limits()
    if arguments.count == 4 {
      guard let seconds = UInt32(arguments[2]), let round = UInt32(arguments[3]) else {
        return OfflineAgent.failed
      }
      limits.seconds = seconds
      limits.round = Int64(round)
    }
    guard arguments.count == 2 || arguments.count == 4 else { return OfflineAgent.failed }
    guard var agent = OfflineAgent(path: arguments[0], socket: arguments[1], limits) else {
      OfflineAgent.say("\(arguments[0]): \(systemError())")
      return OfflineAgent.failed
    }
    return agent.run()
  }

  private init?(path: String, socket: String, _ limits: Limits) {
    // A path is read during the call only.
    directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard directory >= 0 else { return nil }
    let ends = [SIGCHLD]
    // The array is read during the call only.
    signals = unsafe talaria_signal_descriptor(ends, ends.count)
    guard signals >= 0 else { return nil }
    self.path = path
    self.socket = socket
    self.limits = limits
    now = Clock.now().seconds
  }

  private mutating func run() -> Int32 {
    var facts = stat()
    // The structure is written during the call only.
    guard unsafe fstat(directory, &facts) == 0, facts.st_uid == geteuid(),
      facts.st_mode & 0o044 == 0
    else {
      OfflineAgent.say("\(path): it is not ours alone to read, and is left")
      return OfflineAgent.failed
    }
    if geteuid() == 0 {
      guard facts.st_mode & S_ISGID != 0 else {
        OfflineAgent.say("\(path): it is not set-gid, and is left until smtpd starts again")
        return OfflineAgent.failed
      }
      group = facts.st_gid
    }
    for (name, reason) in lookThrough() { follow(.setAside(reason), name) }
    round.begin()
    while true {
      let isOver = Clock.rising() - begun > limits.round * 1000
      if !isOver, let (name, owner) = round.next() {
        take(name, of: owner)
      } else if running.isEmpty {
        if isOver { round.stop() }
        break
      } else {
        awaitSome()
      }
    }
    finishSettingAside()
    return round.hasRest ? OfflineAgent.rest : OfflineAgent.done
  }

  /// Tells the round of all messages. Returns names that are none's, and why they are set aside.
  private mutating func lookThrough() -> [(String, String)] {
    let copy = fcntl(directory, F_DUPFD_CLOEXEC, 0)
    // The stream takes the copy over, and is closed below; no entry outlives the step that reads it.
    guard copy >= 0, let stream = unsafe fdopendir(copy) else {
      round.skipped()
      return []
    }
    defer { unsafe closedir(stream) }
    var others: [(String, String)] = []
    while let entry = unsafe readdir(stream) {
      // The name ends with a zero within its 256 bytes.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      guard name != ".", name != "..", OfflineRound.kind(of: name) != .setAside else { continue }
      guard case .setAside(let reason) = look(at: name) else { continue }
      if others.count < limits.setAside {
        others.append((name, reason))
      } else {
        round.skipped()
      }
    }
    return others
  }

  private mutating func look(at name: String) -> OfflineRound.Verdict {
    var facts = stat()
    // The structure is written, and the name read, during the call only.
    guard unsafe fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else {
      // Mostly it is gone; but a name that is no text cannot be asked for.
      if name.contains("\u{fffd}"), !hasStrangeName {
        hasStrangeName = true
        OfflineAgent.say("names that are not UTF-8 are left")
      }
      return .leave
    }
    switch OfflineRound.kind(of: name) {
    case .message where facts.st_mode & S_IFMT == S_IFREG:
      round.found(name, of: facts.st_uid)
      return .leave
    case .message: return .setAside("it is no regular file")
    case let kind: return round.verdict(on: kind, changed: Int64(facts.st_ctim.tv_sec), now: now)
    }
  }

  private mutating func take(_ name: String, of owner: UInt32) {
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
    // A name is read during the call only.
    let descriptor = unsafe openat(directory, name, flags)
    guard descriptor >= 0 else {
      switch errno {
      case ENOENT: return
      case ELOOP, ENXIO: return follow(.setAside("it is no regular file"), name)
      default:
        OfflineAgent.say("\(name): \(systemError())")
        return round.skipped()
      }
    }
    var facts = stat()
    // The structure is written during the call only.
    guard unsafe fstat(descriptor, &facts) == 0 else {
      close(descriptor)
      return round.skipped()
    }
    let verdict = round.verdict(
      on: OfflineRound.Facts(
        kind: facts.st_mode & S_IFMT == S_IFREG ? .regular : .other,
        owner: facts.st_uid,
        group: facts.st_gid,
        links: UInt64(facts.st_nlink),
        mode: facts.st_mode & 0o7777,
        changed: Int64(facts.st_ctim.tv_sec)
      ),
      of: owner,
      group: group
    )
    guard verdict == .take else {
      close(descriptor)
      return follow(verdict, name)
    }
    start(
      File(
        name: name,
        descriptor: descriptor,
        owner: facts.st_uid,
        changed: Int64(facts.st_ctim.tv_sec),
        device: UInt64(facts.st_dev),
        inode: UInt64(facts.st_ino)
      )
    )
  }

  private mutating func start(_ file: File) {
    var program = Program(
      path: Program.ourselves,
      arguments: ["smtpd", "-x", "offline.send", socket]
    )
    program.environment = ["PATH=/usr/bin:/bin", "SWIFT_BACKTRACE=enable=no"]
    // No part of the log: its user may write to whatever is open there.
    program.descriptors = (file.descriptor, -1, -1, -1)
    program.directory = "/"
    program.limits.seconds = limits.seconds
    if geteuid() == 0 {
      guard case .found(let account) = UserDatabase.user(id: file.owner) else {
        close(file.descriptor)
        return follow(.setAside("nobody has the uid \(file.owner)"), file.name)
      }
      // Nothing but its role ever runs as a user of a role.
      guard !ServiceUsers.names.values.contains(account.name) else {
        close(file.descriptor)
        return follow(.setAside("\(account.name) is a user of the server's own"), file.name)
      }
      program.uid = account.uid
      program.gid = account.gid
    } else if file.owner != geteuid() {
      close(file.descriptor)
      return follow(.setAside("it is not ours"), file.name)
    }
    do throws(SpawnError) {
      let process = try program.start()
      let deadline = Clock.rising() + Int64(limits.seconds) * 1000
      running[process] = Sending(file: file, deadline: deadline)
      round.started(file.owner)
    } catch {
      close(file.descriptor)
      OfflineAgent.say("\(file.name): \(error.path): \(error.reason)")
      round.skipped()
    }
  }

  /// Waits until a program ends, or has to be ended.
  private mutating func awaitSome() {
    let next = running.values.lazy.map(\.deadline).min() ?? Clock.rising()
    var watched = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
    // The structure is used during the call only.
    _ = unsafe poll(&watched, 1, CInt(clamping: max(0, next - Clock.rising())) &+ 1)
    if watched.revents != 0 { _ = talaria_read_signal(signals) }
    var status: CInt = 0
    while true {
      // The status is written during the call only.
      let process = unsafe waitpid(-1, &status, WNOHANG)
      guard process > 0 else { break }
      if let sending = running.removeValue(forKey: process) { ended(sending.file, status) }
    }
    // SIGALRM would wait for a program that its user has stopped; this signal does not.
    let now = Clock.rising()
    for (process, sending) in running where sending.deadline <= now {
      OfflineAgent.say("\(sending.file.name): uid \(sending.file.owner) took too long to send it")
      kill(process, SIGKILL)
      running[process] = Sending(file: sending.file, deadline: now + 1000)
    }
  }

  /// Does with a file what the end of its program says.
  private mutating func ended(_ file: File, _ status: CInt) {
    close(file.descriptor)
    let signal = status & 0x7f
    let ending: OfflineRound.Ending = signal == 0 ? .status(status >> 8 & 0xff) : .signal(signal)
    guard let verdict = round.ended(file.owner, ending, changed: file.changed, now: now) else {
      return remove(file)
    }
    follow(verdict, file.name, of: file.owner)
  }

  /// The message is in the queue. Its file goes when it is still the one that was sent.
  private func remove(_ file: File) {
    var facts = stat()
    // The structure is written, and the name read, during the calls only.
    guard unsafe fstatat(directory, file.name, &facts, AT_SYMLINK_NOFOLLOW) == 0,
      UInt64(facts.st_dev) == file.device, UInt64(facts.st_ino) == file.inode,
      unsafe unlinkat(directory, file.name, 0) == 0, fsync(directory) == 0
    else { return OfflineAgent.say("\(file.name): sent, but not removed: \(systemError())") }
    OfflineAgent.say("\(file.name): sent for uid \(file.owner)", as: "info")
  }

  private mutating func follow(
    _ verdict: OfflineRound.Verdict,
    _ name: String,
    of owner: UInt32? = nil
  ) {
    guard case .setAside(let reason) = verdict else { return }
    setAside += 1
    let isTold = setAside <= limits.lines
    let shown = name.utf8.allSatisfy { 0x21...0x7e ~= $0 } ? name : "a name with control characters"
    let user = owner.map { " (uid \($0))" } ?? ""
    let short = String(decoding: name.utf8.prefix(160), as: UTF8.self)
    // Beside one that is there already under this name.
    for number in 0..<100 {
      let target = OfflineRound.setAsidePrefix + (number == 0 ? "" : "\(number).") + short
      // The names are read during the call only.
      if unsafe talaria_set_aside(directory, name, target) == 0 {
        isUnsynced = true
        if isTold { OfflineAgent.say("\(shown)\(user): \(reason); set aside in \(path)") }
        return
      }
      guard errno == EEXIST else { break }
    }
    guard isTold else { return }
    OfflineAgent.say("\(shown)\(user): \(reason); it cannot be set aside: \(systemError())")
  }

  /// What was set aside becomes durable, and what was not told one by one is summed up.
  private func finishSettingAside() {
    if isUnsynced { fsync(directory) }
    guard setAside > limits.lines else { return }
    OfflineAgent.say("\(setAside - limits.lines) more were to be set aside in \(path)")
  }

  /// A line of the log.
  private static func say(_ text: String, as level: String = "warn") {
    let line = Array("\(level): offline: \(text)\n".utf8)
    // The array is read during the call only.
    _ = unsafe write(STDERR_FILENO, line, line.count)
  }
}
