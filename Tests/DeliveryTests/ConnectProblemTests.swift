// SPDX-License-Identifier: ISC

import Glibc
import NIOCore
import Testing

@testable import Delivery

@Suite("Why a relay could not be reached")
struct ConnectProblemTests {
  @Test(
    "is told in words",
    arguments: [
      (ECONNREFUSED, "Connection refused"), (EHOSTUNREACH, "No route to host"),
      (ENETUNREACH, "Network is unreachable"), (ETIMEDOUT, "Connection timed out"),
      (12345, "Error 12345"),
    ]
  )
  func words(number: CInt, text: String) {
    let error = IOError(errnoCode: number, reason: "connect")
    #expect(ConnectProblem.text(of: error) == text)
  }

  @Test("is a time limit when it is that")
  func timeLimit() {
    #expect(
      ConnectProblem.text(of: ChannelError.connectTimeout(.seconds(1))) == "Connection timed out"
    )
  }
}
