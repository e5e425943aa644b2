// SPDX-License-Identifier: ISC

import Glibc
import Mail
import Supervisor
import Testing

/// Files of users in a directory of the test's own, with the modes, links and owners that a home may have.
@Suite struct UserFilesTests {
  private let home = TestDirectory()
  private let owner = geteuid()

  private func forward() -> ForwardFile {
    UserFiles.forward(home: home.path, owner: owner, as: .ourselves)
  }

  @Test("a file of his own is read")
  func own() {
    home.write(".forward", "a@b\n")
    #expect(forward() == .content(Array("a@b\n".utf8)))
    home.write(".forward", "")
    #expect(forward() == .content([]))
  }

  @Test("no file, no home")
  func absent() {
    #expect(forward() == .none)
    let missing = home.path + "/missing"
    #expect(UserFiles.forward(home: missing, owner: owner, as: .ourselves) == .none)
    #expect(UserFiles.forward(home: "", owner: owner, as: .ourselves) == .none)
  }

  @Test(
    "a file that others may write to is insecure",
    arguments: [0o660, 0o606, 0o666] as [mode_t]
  )
  func writableFile(_ mode: mode_t) {
    home.write(".forward", "a@b\n", mode: mode)
    #expect(forward() == .insecure)
  }

  @Test("so is one in a home that others may write to", arguments: [0o770, 0o707] as [mode_t])
  func writableHome(_ mode: mode_t) {
    home.write(".forward", "a@b\n")
    home.setMode(mode)
    #expect(forward() == .insecure)
    home.remove(".forward")
    // Without the file the home does not matter.
    #expect(forward() == .none)
  }

  @Test("a link, a directory, a pipe and somebody else's file are insecure")
  func notHis() {
    home.write("real", "a@b\n")
    home.link("real", as: ".forward")
    #expect(forward() == .insecure)
    home.remove(".forward")
    home.link("/nowhere", as: ".forward")
    #expect(forward() == .insecure)
    home.remove(".forward")
    home.makeDirectory(".forward")
    #expect(forward() == .insecure)
    home.remove(".forward")
    home.makePipe(".forward")
    #expect(forward() == .insecure)
    home.remove(".forward")
    home.write(".forward", "a@b\n")
    #expect(UserFiles.forward(home: home.path, owner: owner + 1, as: .ourselves) == .insecure)
  }

  @Test("the sticky bit on a home holds mail, with or without a file")
  func sticky() {
    home.setMode(0o1755)
    #expect(forward() == .held)
    home.write(".forward", "a@b\n")
    #expect(forward() == .held)
  }

  @Test("a file may be as large as its limit, and no larger")
  func size() {
    home.write(".forward", String(repeating: "x", count: ForwardFile.sizeMax))
    #expect(forward() == .content(Array(repeating: 0x78, count: ForwardFile.sizeMax)))
    home.write(".forward", String(repeating: "x", count: ForwardFile.sizeMax + 1))
    #expect(forward() == .tooLarge)
    home.write(".forward", String(repeating: "x", count: 5000))
    #expect(forward() == .tooLarge)
    home.write(".forward", String(repeating: "x", count: 1 << 20))
    #expect(forward() == .tooLarge)
  }

  @Test("a file that is swapped for a link all the time is read whole or refused")
  func race() {
    home.write("secret", "SECRET", mode: 0o600)
    home.write("good", "a@b\n")
    for turn in 0..<200 {
      home.remove(".forward")
      if turn % 2 == 0 {
        home.link("secret", as: ".forward")
      } else {
        home.hardLink("good", as: ".forward")
      }
      let answer = forward()
      #expect(answer == (turn % 2 == 0 ? .insecure : .content(Array("a@b\n".utf8))))
    }
  }

  @Test("as root a user's file is read with his rights, and root's is not")
  func asUser() {
    guard owner == 0 else { return }
    home.write("secret", "SECRET", mode: 0o600)
    home.setMode(0o755)
    // What only root may read cannot be read as somebody else.
    home.write(".forward", "a@b\n", mode: 0o600)
    #expect(
      UserFiles.forward(home: home.path, owner: 0, as: .user(uid: 65_534, gid: 65_534))
        == .insecure
    )
    home.own(".forward", 65_534)
    #expect(
      UserFiles.forward(home: home.path, owner: 65_534, as: .user(uid: 65_534, gid: 65_534))
        == .content(Array("a@b\n".utf8))
    )
  }

  @Test("lists: regular files that nobody but their owner may write to")
  func lists() {
    home.write("list", "a@b\n")
    let path = home.path + "/list"
    guard case .content(let bytes, let listOwner) = list(path) else {
      Issue.record("not read")
      return
    }
    #expect(bytes == Array("a@b\n".utf8) && listOwner == owner)
    guard case .refused = list(home.path) else {
      Issue.record("a directory was read")
      return
    }
    home.write("list", "a@b\n", mode: 0o666)
    guard case .refused = list(path) else {
      Issue.record("a list for everybody was read")
      return
    }
    guard case .failed = list(home.path + "/missing") else {
      Issue.record("what is missing was refused for good")
      return
    }
  }

  private func list(_ path: String) -> UserFiles.List {
    UserFiles.list(path, atMost: 1000, as: .ourselves)
  }
}
