// SPDX-License-Identifier: ISC

import Testing

/// The seeds of every fuzz target and what fuzzing found, again, without libFuzzer.
@Suite("What fuzzing knows, again")
struct CorpusTests {
  /// A fuzz target: a folder beside this file.
  struct Target: CustomTestStringConvertible, Sendable {
    let name: String
    /// How many choices the input's first byte has: each input is run with all of them.
    let choices: Int
    let run: @Sendable ([UInt8]) -> Void

    var testDescription: String { name }
  }

  static let targets = [
    Target(name: "Configuration", choices: 0, run: ConfigurationInput.run),
    Target(name: "Envelope", choices: 2, run: EnvelopeInput.run),
    Target(name: "Frame", choices: FrameInput.choices, run: FrameInput.run),
    Target(name: "Journal", choices: 0, run: JournalInput.run),
    Target(name: "LMDB", choices: 0, run: LMDBInput.run),
    Target(name: "Map", choices: 0, run: MapInput.run),
    Target(name: "Proxy", choices: 0, run: ProxyInput.run),
    Target(name: "Reply", choices: 4, run: ReplyInput.run),
    Target(name: "SMTPLine", choices: 5, run: SMTPLineInput.run),
    Target(
      name: "Submission",
      choices: SubmissionInput.choices,
      run: SubmissionInput.run
    ),
    Target(name: "TLSRecord", choices: TLSRecordInput.choices, run: TLSRecordInput.run),
  ]

  @Test("no input of the corpus traps or breaks a promise", arguments: targets)
  func replay(_ target: Target) {
    let inputs = CorpusFiles.all(of: target.name)
    #expect(inputs.count > 1, "\(target.name) has no corpus")
    for input in inputs {
      target.run(input)
      for choice in 0..<target.choices { target.run([UInt8(choice)] + input.dropFirst()) }
    }
  }

  @Test("every folder with a corpus is replayed")
  func complete() {
    #expect(CorpusFiles.targets() == CorpusTests.targets.map(\.name))
  }
}
