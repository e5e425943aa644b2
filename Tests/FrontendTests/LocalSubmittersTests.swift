// SPDX-License-Identifier: ISC

import Frontend
import Testing

@Suite("Users of the submission socket")
struct LocalSubmittersTests {
  private func submitters(connections: Int = 2, messages: Int = 2) -> LocalSubmitters {
    var limits = LocalSubmitters.Limits()
    limits.connections = connections
    limits.messages = messages
    return LocalSubmitters(limits: limits)
  }

  @Test("a user may have so many connections, and one that ends makes room for another")
  func connections() {
    let submitters = submitters()
    var held = [submitters.connect(7), submitters.connect(7)]
    #expect(held.allSatisfy { $0.isWelcome })
    #expect(!submitters.connect(7).isWelcome)
    let other = submitters.connect(8)
    #expect(other.isWelcome && other.user == 8)
    held.removeLast()
    held.append(submitters.connect(7))
    #expect(held.allSatisfy { $0.isWelcome })
  }

  @Test("a user may have so many messages under way, over all connections")
  func messages() {
    let submitters = submitters()
    let first = submitters.connect(7)
    let second = submitters.connect(7)
    var held = [first.beginMessage(), second.beginMessage()]
    #expect(held.allSatisfy { $0 != nil })
    #expect(first.beginMessage() == nil)
    #expect(submitters.connect(8).beginMessage() != nil)
    held.removeLast()
    #expect(second.beginMessage() != nil)
  }

  @Test("who is gone leaves nothing behind, whatever goes first")
  func leavings() {
    let submitters = submitters()
    var connection: LocalSubmitters.Connection? = submitters.connect(7)
    var message = connection?.beginMessage()
    #expect(submitters.userCount == 1)
    connection = nil
    #expect(submitters.userCount == 1)
    message = nil
    #expect(submitters.userCount == 0)
    _ = (connection, message)
  }
}
