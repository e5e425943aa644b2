// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Configuration

@Suite struct QuantityTests {
  @Test(
    "durations have one unit",
    arguments: [
      ("1s", 1), ("5m", 300), ("2h", 7200), ("4d", 345_600), ("99999999999d", Int64(Int32.max)),
    ]
  )
  func durations(_ text: String, _ seconds: Int64) {
    #expect(Duration(configuration: text) == .seconds(seconds))
  }

  @Test(
    "other texts are no durations",
    arguments: ["", "0s", "5", "-1s", "1.5h", "1h2m", "h", "1w"]
  )
  func noDurations(_ text: String) {
    #expect(Duration(configuration: text) == nil)
  }

  @Test(
    "sizes are powers of 1024",
    arguments: [
      ("0", 0), ("4096", 4096), ("1b", 1), ("2K", 2048), ("35M", 36_700_160), ("1.5k", 1536),
      ("1g", 1 << 30), ("1024T", ByteSize.max),
    ]
  )
  func sizes(_ text: String, _ bytes: Int) {
    #expect(ByteSize.parse(text) == bytes)
  }

  @Test("other texts are no sizes", arguments: ["", "M", "-1", "1x", "1.M", ".5M", "1025T", "1 M"])
  func noSizes(_ text: String) {
    #expect(ByteSize.parse(text) == nil)
  }
}
