// SPDX-License-Identifier: ISC

import CLinux
import Glibc
import Interprocess
import Testing

@testable import Supervisor

@Suite("When the offline directory is looked through", .serialized)
struct OfflineRunnerTests {
  private static let directory: String = {
    var template = Array("/tmp/talaria-test-XXXXXX".utf8CString)
    // mkdtemp(3) changes the six letters in place.
    _ = unsafe mkdtemp(&template)
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }()

  private static func runner(_ script: String, directory: String = directory) -> OfflineRunner {
    var program = Program(path: "/bin/sh", arguments: ["sh", "-c", script])
    program.environment = ["PATH=/usr/bin:/bin"]
    return OfflineRunner(directory: directory, program: program, log: STDERR_FILENO)
  }

  private func begin(_ runner: inout OfflineRunner, now: Int64) {
    let reason = runner.startIfDue(now: now)
    #expect(reason == nil)
  }

  /// Waits for the round that runs, and tells the runner.
  private static func end(_ runner: inout OfflineRunner, now: Int64) {
    var status: CInt = 0
    guard let process = runner.process else {
      Issue.record("nothing runs")
      return
    }
    // The status is written during the call only.
    _ = unsafe waitpid(process, &status, 0)
    let isOurs = runner.ended(process: process, status: status, now: now)
    #expect(isOurs)
  }

  @Test("nothing is done before the service stands, and then once")
  func start() {
    var runner = Self.runner("exit 0")
    #expect(runner.nextDeadline == nil)
    begin(&runner, now: 1 << 40)
    runner.serviceStands(now: 100)
    #expect(runner.nextDeadline == 1100)
    begin(&runner, now: 1099)
    #expect(runner.nextDeadline == 1100)
    begin(&runner, now: 1100)
    // While it runs nothing is due but its own end.
    #expect(runner.nextDeadline == 1100 + OfflineRunner.Limits.round)
    runner.noticed(now: 1200)
    #expect(runner.nextDeadline == 1100 + OfflineRunner.Limits.round)
    Self.end(&runner, now: 1300)
    #expect(runner.nextDeadline == 2200)
  }

  @Test("a round that left something, or failed, is repeated after a while")
  func retry() {
    var runner = Self.runner("exit 75")
    runner.serviceStands(now: 0)
    begin(&runner, now: 1000)
    Self.end(&runner, now: 2000)
    #expect(runner.nextDeadline == 2000 + OfflineRunner.Limits.retry)
    let isOurs = runner.ended(process: 1, status: 0, now: 0)
    #expect(!isOurs)
  }

  @Test("when nothing was left, nor noticed, there is a round all the same after a while")
  func idle() {
    var runner = Self.runner("exit 0")
    runner.serviceStands(now: 0)
    begin(&runner, now: 1000)
    Self.end(&runner, now: 2000)
    #expect(runner.nextDeadline == 2000 + OfflineRunner.Limits.idle)
  }

  @Test("a round that takes too long is ended with what it has started, stopped or not")
  func overdue() {
    var runner = Self.runner("sleep 600 & kill -STOP $!; kill -STOP $$; sleep 600")
    runner.serviceStands(now: 0)
    begin(&runner, now: 1000)
    let end = 1000 + OfflineRunner.Limits.round
    begin(&runner, now: end - 1)
    #expect(runner.nextDeadline == end)
    let reason = runner.startIfDue(now: end)
    #expect(reason != nil)
    #expect(runner.nextDeadline == nil)
    // Ends only since the program was ended.
    Self.end(&runner, now: end)
    #expect(runner.nextDeadline == end + OfflineRunner.Limits.retry)
  }

  @Test("a file that is put there is noticed; one that is being written is not")
  func watch() {
    let runner = Self.runner("exit 0")
    #expect(runner.watch >= 0)
    var watched = [pollfd(fd: runner.watch, events: Int16(POLLIN), revents: 0)]
    // The strings and arrays are read during the calls only.
    let path = Self.directory
    let file = unsafe open("\(path)/tmp.1", O_CREAT | O_WRONLY, 0o600)
    close(file)
    #expect(unsafe poll(&watched, 1, 0) == 0)
    #expect(unsafe rename("\(path)/tmp.1", "\(path)/1.a") == 0)
    #expect(unsafe poll(&watched, 1, 1000) == 1)
    talaria_drain_watch(runner.watch)
    #expect(unsafe poll(&watched, 1, 0) == 0)
    _ = unsafe unlink("\(path)/1.a")
  }

  @Test("where nobody tells, a round is made now and then")
  func unwatched() {
    var runner = Self.runner("exit 0", directory: "/nonexistent")
    #expect(runner.watch == -1)
    runner.serviceStands(now: 0)
    begin(&runner, now: 1000)
    Self.end(&runner, now: 1000)
    #expect(runner.nextDeadline == 1000 + OfflineRunner.Limits.retry)
  }
}
