// SPDX-License-Identifier: ISC

import Glibc
import Testing

@testable import Delivery

@Suite("Delivery into a maildir", .serialized)
struct MaildirDeliveryTests {
  @Test("bytes are read in turn, or at a place, and there are none behind the end")
  func reading() throws {
    let room = try TemporaryRoom()
    try room.make("file", "abcdef")
    // A Swift string becomes a zero-terminated one for the time of the call.
    let file = unsafe open("\(room.path)/file", O_RDONLY)
    defer { MaildirFile.close(file) }
    #expect(try MaildirFile.read(file, room: 2) == Array("ab".utf8))
    #expect(try MaildirFile.read(file, at: 5, room: 2) == Array("f".utf8))
    #expect(try MaildirFile.read(file, at: 6, room: 2) == [])
    #expect(try MaildirFile.read(file, room: 9) == Array("cdef".utf8))
    #expect(try MaildirFile.read(file, room: 9) == [])
    #expect(throws: AgentFailure.self) { try MaildirFile.read(-1, at: 0, room: 1) }
  }

  @Test("a message becomes one file in new, for its owner only")
  func delivery() throws {
    let room = try TemporaryRoom()
    try room.deliver("Subject: x\n\nHello\n")
    try room.deliver("Subject: y\n\nHello\n")
    #expect(TemporaryRoom.names(in: "\(room.path)/Maildir") == ["cur", "new", "tmp"])
    #expect(TemporaryRoom.names(in: "\(room.path)/Maildir/tmp").isEmpty)
    let names = TemporaryRoom.names(in: "\(room.path)/Maildir/new")
    #expect(names.count == 2)
    let parts = try #require(names.first).split(separator: ".", maxSplits: 2)
    #expect(parts.count == 3 && parts[1].count == 8 && UInt32(parts[1], radix: 16) != nil)
    let texts = try names.map { try room.content("Maildir/new/\($0)") }
    #expect(Set(texts) == ["Subject: x\n\nHello\n", "Subject: y\n\nHello\n"])
    var status = stat()
    // Fills the local variable.
    let found = unsafe stat("\(room.path)/Maildir/new/\(names[0])", &status)
    #expect(found == 0 && status.st_mode & 0o777 == 0o600)
    // Fills the local variable.
    _ = unsafe stat("\(room.path)/Maildir/tmp", &status)
    #expect(status.st_mode & 0o777 == 0o700)
  }

  @Test("a message that is cut off or too long leaves nothing behind", arguments: [17, 19, 0])
  func wrongLength(_ length: Int) throws {
    let room = try TemporaryRoom()
    let error = #expect(throws: MaildirDelivery.Failure.self) {
      try room.deliver("Subject: x\n\nHello\n", announcing: length)
    }
    #expect(error?.code == MaildirDelivery.Code.temporary)
    #expect(TemporaryRoom.names(in: "\(room.path)/Maildir/new").isEmpty)
    #expect(TemporaryRoom.names(in: "\(room.path)/Maildir/tmp").isEmpty)
  }

  @Test("a sub-address has its folder, when there is one")
  func folder() throws {
    let room = try TemporaryRoom()
    try room.deliver("a\n") { $0.folder = "lists" }
    #expect(TemporaryRoom.names(in: "\(room.path)/Maildir/new").count == 1)
    _ = try MaildirFile.makeDirectory("\(room.path)/Maildir/.lists")
    try room.deliver("b\n") { $0.folder = "lists" }
    #expect(TemporaryRoom.names(in: "\(room.path)/Maildir/.lists/new").count == 1)
    #expect(TemporaryRoom.names(in: "\(room.path)/Maildir/new").count == 1)
  }

  @Test(
    "what is marked as spam goes to .Junk when that is wanted",
    arguments: [
      ("X-Spam: yes\n\nx", true), ("Subject: x\nx-spam-flag:  YES\r\n\r\nx", true),
      ("X-Spam: yesterday\n\nx", false), ("Subject: x\n\nX-Spam: yes\n", false),
      ("X-Spam-Score: 5\n\n", false),
    ]
  )
  func junk(_ message: String, _ isJunk: Bool) throws {
    let room = try TemporaryRoom()
    try room.deliver(message) { $0.junk = .ownFolder }
    #expect(TemporaryRoom.names(in: "\(room.path)/Maildir/.Junk/new").count == (isJunk ? 1 : 0))
    #expect(TemporaryRoom.names(in: "\(room.path)/Maildir/new").count == (isJunk ? 0 : 1))
    try room.deliver(message)
    #expect(TemporaryRoom.names(in: "\(room.path)/Maildir/new").count == (isJunk ? 1 : 2))
  }

  @Test("a maildir that cannot be made is a failure with a code")
  func cannotCreate() throws {
    let room = try TemporaryRoom()
    let error = #expect(throws: MaildirDelivery.Failure.self) {
      try room.deliver("x") { $0.directory = "/proc/none/Maildir" }
    }
    #expect(error?.code == MaildirDelivery.Code.temporary || error?.code == 73)
  }

  @Test("arguments and environment are checked")
  func arguments() throws {
    let home = ["HOME": "/home/ann"]
    let plain = try MaildirDelivery.parse(["10"], home)
    #expect(
      plain.directory == "/home/ann/Maildir" && plain.length == .exactly(10) && plain.folder == ""
    )
    let full = try MaildirDelivery.parse(["-j", "0", "~/Mail"], home)
    #expect(
      full.directory == "/home/ann/Mail" && full.junk == .ownFolder
        && full.length == .exactly(0)
    )
    for bad in [[], ["x"], ["-1"], ["1", "a", "b"], ["-j"], ["1", ""]] {
      #expect(throws: MaildirDelivery.Failure.self, "\(bad)") {
        try MaildirDelivery.parse(bad, home)
      }
    }
    #expect(throws: MaildirDelivery.Failure.self) { try MaildirDelivery.parse(["1"], [:]) }
    #expect(MaildirDelivery.run(arguments: ["nonsense"], environment: home) == 64)
  }

  @Test(
    "a sub-address never leads out of the maildir",
    arguments: ["../x", "a/b", ".", "..", ".hidden", "a..b", "a\nb", "", "ü"]
  )
  func folderNames(_ text: String) { #expect(MaildirDelivery.folder(text) == "") }
}

extension TemporaryRoom {
  /// Delivers into `Maildir` below the directory.
  fileprivate func deliver(
    _ message: String,
    announcing length: Int? = nil,
    _ change: (inout MaildirDelivery.Request) -> Void = { _ in }
  ) throws {
    let file = "\(path)/message"
    let descriptor = try MaildirFile.create(file)
    try MaildirFile.writeAll(descriptor, Array(message.utf8))
    close(descriptor)
    // The string lives for the time of the call.
    let input = unsafe open(file, O_RDONLY)
    defer {
      close(input)
      MaildirFile.remove(file)
    }
    var request = MaildirDelivery.Request()
    request.length = .exactly(length ?? message.utf8.count)
    request.directory = "\(path)/Maildir"
    change(&request)
    try MaildirWriter(request).deliver(from: input)
  }
}
