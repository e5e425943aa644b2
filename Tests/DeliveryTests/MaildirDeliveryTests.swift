// SPDX-License-Identifier: ISC

import Glibc
import Testing

@testable import Delivery

@Suite("Delivery into a maildir", .serialized)
struct MaildirDeliveryTests {
  /// A directory that goes with the test, with the message in a file.
  private final class Room {
    let path: String

    init() throws {
      var template = Array("/tmp/maildir-test-XXXXXX".utf8CString)
      // mkdtemp(3) changes the six letters in place.
      let made = unsafe mkdtemp(&template) != nil
      try #require(made)
      path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
      for name in names(in: path) {
        // The strings live for the time of the calls.
        if unsafe unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
      }
      // As above.
      unsafe rmdir(path)
    }

    static func names(in path: String) -> [String] {
      // The stream is open until `closedir`; the name is copied.
      guard let stream = unsafe opendir(path) else { return [] }
      defer { unsafe closedir(stream) }
      var names: [String] = []
      while let entry = unsafe readdir(stream) {
        // The name ends with a zero byte within the entry.
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { names.append(name) }
      }
      return names.sorted()
    }

    func content(_ path: String) throws -> String {
      // The string lives for the time of the call.
      let descriptor = unsafe open("\(self.path)/\(path)", O_RDONLY)
      try #require(descriptor >= 0)
      defer { close(descriptor) }
      return String(decoding: try MaildirFile.read(descriptor, room: 1 << 16), as: UTF8.self)
    }

    func deliver(
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
      request.length = length ?? message.utf8.count
      request.directory = "\(path)/Maildir"
      change(&request)
      try MaildirWriter(request).deliver(from: input)
    }
  }

  @Test("a message becomes one file in new, for its owner only")
  func delivery() throws {
    let room = try Room()
    try room.deliver("Subject: x\n\nHello\n")
    try room.deliver("Subject: y\n\nHello\n")
    #expect(Room.names(in: "\(room.path)/Maildir") == ["cur", "new", "tmp"])
    #expect(Room.names(in: "\(room.path)/Maildir/tmp").isEmpty)
    let names = Room.names(in: "\(room.path)/Maildir/new")
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
    let room = try Room()
    let error = #expect(throws: MaildirDelivery.Failure.self) {
      try room.deliver("Subject: x\n\nHello\n", announcing: length)
    }
    #expect(error?.code == MaildirDelivery.Code.temporary)
    #expect(Room.names(in: "\(room.path)/Maildir/new").isEmpty)
    #expect(Room.names(in: "\(room.path)/Maildir/tmp").isEmpty)
  }

  @Test("a sub-address has its folder, when there is one")
  func folder() throws {
    let room = try Room()
    try room.deliver("a\n") { $0.folder = "lists" }
    #expect(Room.names(in: "\(room.path)/Maildir/new").count == 1)
    _ = try MaildirFile.makeDirectory("\(room.path)/Maildir/.lists")
    try room.deliver("b\n") { $0.folder = "lists" }
    #expect(Room.names(in: "\(room.path)/Maildir/.lists/new").count == 1)
    #expect(Room.names(in: "\(room.path)/Maildir/new").count == 1)
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
    let room = try Room()
    try room.deliver(message) { $0.junk = .ownFolder }
    #expect(Room.names(in: "\(room.path)/Maildir/.Junk/new").count == (isJunk ? 1 : 0))
    #expect(Room.names(in: "\(room.path)/Maildir/new").count == (isJunk ? 0 : 1))
    try room.deliver(message)
    #expect(Room.names(in: "\(room.path)/Maildir/new").count == (isJunk ? 1 : 2))
  }

  @Test("a maildir that cannot be made is a failure with a code")
  func cannotCreate() throws {
    let room = try Room()
    let error = #expect(throws: MaildirDelivery.Failure.self) {
      try room.deliver("x") { $0.directory = "/proc/none/Maildir" }
    }
    #expect(error?.code == MaildirDelivery.Code.temporary || error?.code == 73)
  }

  @Test("arguments and environment are checked")
  func arguments() throws {
    let home = ["HOME": "/home/ann"]
    let plain = try MaildirDelivery.parse(["10"], home)
    #expect(plain.directory == "/home/ann/Maildir" && plain.length == 10 && plain.folder == "")
    let full = try MaildirDelivery.parse(["-j", "0", "~/Mail"], home)
    #expect(full.directory == "/home/ann/Mail" && full.junk == .ownFolder)
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
