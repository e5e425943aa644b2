// SPDX-License-Identifier: ISC

import Mail
import Testing

@Suite("A stranger's text in a line")
struct OneWordTests {
  @Test(
    "it is one word of ASCII, a mark for each scalar that is none",
    arguments: [
      ("joe", "joe"), ("joe result=ok", "joe?result=ok"), ("a\r\nb\0\u{7f}", "a??b??"),
      ("~!\u{e9}e\u{301}", "~!?e?"), ("", ""),
    ]
  )
  func words(_ text: String, _ word: String) {
    #expect(text.asOneWord == word)
  }
}
