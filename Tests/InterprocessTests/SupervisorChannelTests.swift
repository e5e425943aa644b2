// SPDX-License-Identifier: ISC

import Interprocess
import Testing

@Suite("Supervisor channel", .timeLimit(.minutes(1)))
struct SupervisorChannelTests {
  @Test("who waits for so long gets what comes, nothing when nothing does, and hears of the end")
  func within() throws {
    let (one, other) = try SupervisorChannel.makePair()
    defer { one.close() }
    #expect(try one.receive(within: 0)?.bytes == nil)
    #expect(try one.receive(within: 30)?.bytes == nil)
    try other.send([1, 2], .immediate)
    #expect(try one.receive(within: 0)?.bytes == [1, 2])
    try other.send([3], .immediate)
    #expect(try one.receive(within: .max / 2)?.bytes == [3])
    other.close()
    #expect(throws: ChannelError.closed) { try one.receive(within: .max / 2) }
  }
}
