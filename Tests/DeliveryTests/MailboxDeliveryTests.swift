// SPDX-License-Identifier: ISC

import Glibc
import Mail
import Testing

@testable import Delivery

@Suite("Delivery into a mailbox of the mbox format", .serialized)
struct MailboxDeliveryTests {
  private static let message = Array("Subject: x\n\nFrom here\n>From there\nFrom\n".utf8)

  private func append(
    _ room: TemporaryRoom,
    _ message: [UInt8] = MailboxDeliveryTests.message,
    name: String = "box",
    sender: String = "ann@example.org",
    patience: Int = 0
  ) throws {
    var writer = MailboxWriter(path: "\(room.path)/\(name)")
    writer.patience = patience
    try writer.append(Self.staged(message), sender: sender)
  }

  private static func staged(_ message: [UInt8], pieces: Int = 4096) throws -> StagedMessage {
    var staged = StagedMessage()
    for start in stride(from: 0, to: message.count, by: pieces) {
      try staged.append(Array(message[start..<min(start + pieces, message.count)]))
    }
    return staged
  }

  private static func entry(_ message: [UInt8], pieces: Int) -> String {
    var text = MailboxText()
    var entry: [UInt8] = []
    for start in stride(from: 0, to: message.count, by: pieces) {
      entry += text.quote(Array(message[start..<min(start + pieces, message.count)]))
    }
    return String(decoding: entry + text.end(), as: UTF8.self)
  }

  @Test("a From line, the message with its own ones quoted, an empty line")
  func text() throws {
    let date = "Thu Nov 26 21:44:11 2026"
    for pieces in 1...Self.message.count {
      #expect(
        Self.entry(Self.message, pieces: pieces)
          == "Subject: x\n\n>From here\n>From there\nFrom\n\n",
        "\(pieces)"
      )
    }
    for (message, entry) in [
      ("x", "x\n\n"), ("", "\n"), ("\n", "\n\n"), ("From ", ">From \n\n"), ("x\nFro", "x\nFro\n\n"),
      ("FFrom \nFroFrom \n", "FFrom \nFroFrom \n\n"),
    ] {
      #expect(Self.entry(Array(message.utf8), pieces: 2) == entry, "\(message)")
    }
    for (sender, name) in [
      ("ann@example.org", "ann@example.org"), ("", "MAILER-DAEMON"), ("a b\nFrom c", "a-b-From-c"),
    ] {
      let line = MailboxText.firstLine(sender: sender, date: date)
      #expect(String(decoding: line, as: UTF8.self) == "From \(name) \(date)\n")
    }
  }

  @Test("nothing is written before both locks are held, and nothing when the word for it is no")
  func beginning() throws {
    let room = try TemporaryRoom()
    let staged = try Self.staged(Self.message)
    let path = "\(room.path)/box"
    var writer = MailboxWriter(path: path)
    writer.patience = 0
    #expect(throws: AgentFailure.self) {
      try writer.append(staged, sender: "") { () throws(AgentFailure) in
        #expect(MailboxFile.age(of: "\(path).lock") != nil)
        throw AgentFailure(code: AgentFailure.Code.temporary, text: "no")
      }
    }
    #expect(try room.content("box") == "")
    #expect(MailboxFile.age(of: "\(path).lock") == nil)
    // What was refused holds nothing up.
    try append(room)
    #expect(try room.content("box").hasSuffix("\n>From here\n>From there\nFrom\n\n"))
  }

  @Test("what is larger than the memory it may have is kept in a file, and comes back the same")
  func large() throws {
    let room = try TemporaryRoom()
    let line = Array("From a line of text, again and again\n".utf8)
    var message: [UInt8] = []
    while message.count < 2 * StagedMessage.Limits.inMemory + 1 { message += line }
    let staged = try Self.staged(message, pieces: 60_001)
    var again: [UInt8] = []
    try staged.forEachPiece { piece throws(AgentFailure) in
      #expect(!piece.isEmpty && piece.count <= StagedMessage.Limits.piece)
      again += piece
    }
    #expect(staged.count == message.count && again == message)
    try append(room, message)
    let lines = try room.content("box").split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 1 + message.count / line.count + 2)
    #expect(
      lines.dropFirst().dropLast(2).allSatisfy { $0 == ">From a line of text, again and again" }
    )
    #expect(throws: AgentFailure.self) { try MailboxFile.makeUnnamed(in: ["\(room.path)/none"]) }
  }

  @Test("messages follow each other, whatever was there before")
  func appending() throws {
    let room = try TemporaryRoom()
    try append(room)
    try append(room)
    let two = try room.content("box")
    #expect(two.split(separator: "\n").filter { $0.hasPrefix("From ann@") }.count == 2)
    #expect(TemporaryRoom.names(in: room.path) == ["box"])
    var status = stat()
    // Fills the local variable.
    let found = unsafe stat("\(room.path)/box", &status)
    #expect(found == 0 && status.st_mode & 0o777 == 0o600)
    try room.make("torn", "half a line")
    try append(room, name: "torn")
    #expect(try room.content("torn").hasPrefix("half a line\nFrom ann@example.org "))
  }

  @Test("a lock beside the file is waited for, and a dead program's is not")
  func dotlock() throws {
    let room = try TemporaryRoom()
    try room.make("box.lock", "1\n")
    let error = #expect(throws: AgentFailure.self) { try append(room) }
    #expect(error?.code == AgentFailure.Code.temporary)
    #expect(try room.content("box").isEmpty)
    var times = [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)]
    // Two times, as the call wants them.
    let changed = unsafe utimes("\(room.path)/box.lock", &times)
    #expect(changed == 0)
    try append(room, patience: 1)
    #expect(TemporaryRoom.names(in: room.path) == ["box"])
  }

  @Test("a lock of fcntl that another process holds is waited for")
  func fileLock() throws {
    let room = try TemporaryRoom()
    try room.make("box", "")
    var input: [CInt] = [-1, -1]
    var output: [CInt] = [-1, -1]
    // pipe(2) fills two integers.
    let made = unsafe pipe(&input) == 0 && pipe(&output) == 0
    try #require(made)
    let python = """
      import fcntl, sys
      f = open(sys.argv[1], "r+"); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()
      """
    let child = try Self.spawn(["python3", "-c", python, "\(room.path)/box"], input, output)
    for end in [input[0], output[1]] { close(end) }
    #expect(try MaildirFile.read(output[0], room: 1) == [0x0a])
    let error = #expect(throws: AgentFailure.self) { try append(room) }
    #expect(error?.code == AgentFailure.Code.temporary)
    close(input[1])
    close(output[0])
    var status: CInt = 0
    // The status is written during the call only.
    _ = unsafe waitpid(child, &status, 0)
    try append(room)
    #expect(try room.content("box").hasPrefix("From "))
  }

  private static func spawn(
    _ words: [String],
    _ input: [CInt],
    _ output: [CInt]
  ) throws -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    // The structures live through the call, and the strings are the child's own copies by then.
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawn_file_actions_adddup2(&actions, input[0], 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output[1], 1)
    for end in input + output { unsafe posix_spawn_file_actions_addclose(&actions, end) }
    var arguments = unsafe words.map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    var child: pid_t = 0
    let result = unsafe posix_spawnp(&child, words[0], &actions, nil, arguments, environ)
    unsafe posix_spawn_file_actions_destroy(&actions)
    unsafe arguments.forEach { unsafe free($0) }
    try #require(result == 0)
    return child
  }

  @Test("links, directories and other things are no mailboxes; /dev/null takes everything")
  func kinds() throws {
    let room = try TemporaryRoom()
    try room.make("target", "")
    // The strings live for the time of the calls.
    let made =
      unsafe symlink("target", "\(room.path)/link") == 0
      && link("\(room.path)/target", "\(room.path)/second") == 0
      && mkdir("\(room.path)/directory", 0o700) == 0 && mkfifo("\(room.path)/fifo", 0o600) == 0
    #expect(made)
    let linked = #expect(throws: AgentFailure.self) { try append(room, name: "link") }
    #expect(linked?.code == AgentFailure.Code.temporary)
    #expect(linked?.text == "\(room.path)/link is a link, which mail does not follow")
    for name in ["second", "directory", "fifo"] {
      let error = #expect(throws: AgentFailure.self, "\(name)") { try append(room, name: name) }
      #expect(error?.code == AgentFailure.Code.cannotCreate, "\(name)")
    }
    #expect(try room.content("target").isEmpty)
    try MailboxWriter(path: "/dev/null").append(Self.staged(Self.message), sender: "")
    let error = #expect(throws: AgentFailure.self) { try append(room, name: "none/box") }
    #expect(error?.code == AgentFailure.Code.temporary)
  }

  @Test("a message of another length is not taken")
  func lengths() throws {
    let room = try TemporaryRoom()
    try room.make("message", "0123456789")
    for (text, isTaken) in [("10", true), ("9", false), ("11", false), ("-", true)] {
      // The string lives for the time of the call.
      let input = unsafe open("\(room.path)/message", O_RDONLY)
      defer { close(input) }
      let length = try #require(AnnouncedLength(text))
      let read = try? MailboxDelivery.read(from: input, length).count
      #expect((read == 10) == isTaken, "\(text)")
    }
    for text in ["", "x", "+1", "1 ", "-1"] { #expect(AnnouncedLength(text) == nil, "\(text)") }
  }

  @Test("arguments are checked")
  func arguments() throws {
    let request = try MailboxDelivery.parse(["10", "/var/mail/ann"], ["SENDER": "bob@x.org"])
    #expect(request.path == "/var/mail/ann" && request.sender == "bob@x.org")
    for bad in [[], ["10"], ["x", "/a"], ["1", "a"], ["1", "/a", "b"]] {
      let error = #expect(throws: AgentFailure.self) { try MailboxDelivery.parse(bad, [:]) }
      #expect(error?.code == AgentFailure.Code.usage, "\(bad)")
    }
    let error = #expect(throws: AgentFailure.self) { try MailboxDelivery.parse(["1", "/a/"], [:]) }
    #expect(error?.text == "/a/ is a directory, and no mailbox of the mbox format")
  }
}
