// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

@Suite struct OptionTests {
  private func errors(_ statement: String) -> [Diagnostic] {
    Reading.report(
      OptionCase.prelude + statement + "\nmatch for any reject\n",
      files: ["/etc/t": "a b\n"]
    ).errors
  }

  @Test("what the other cases rest upon is right")
  func prelude() {
    #expect(errors("").map(\.description) == [])
  }

  @Test("every option is accepted where it belongs", arguments: OptionCase.all)
  func accepted(_ option: OptionCase) {
    #expect(errors(option.accepted).map(\.description) == [])
  }

  @Test("and refused where it does not, at its line", arguments: OptionCase.all)
  func refused(_ option: OptionCase) {
    let line = OptionCase.prelude.count { $0 == "\n" } + 1
    let lines = errors(option.refused).map { error in
      if case .usedEntry(_, let line, _) = error.complaint { line } else { error.line }
    }
    #expect(lines == [line], "\(option.refused)")
  }

  @Test("what is accepted survives being written out", arguments: OptionCase.all)
  func roundTrip(_ option: OptionCase) throws {
    func read(_ text: String) -> ConfigurationReport {
      Reading.report(text, files: ["/etc/t": "a b\n"])
    }
    let text = OptionCase.prelude + option.accepted + "\nmatch for any reject\n"
    try expectRoundTrip(of: try #require(read(text).configuration), read)
  }
}
