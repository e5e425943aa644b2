// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// Something that an operator can ask for: one file for each below `Commands`.
protocol Command {
  /// The forms that mean this command.
  static var entries: [CommandTable.Entry] { get }

  func run(in context: Context) throws(CommandFailure)
}

/// What a command works with.
struct Context {
  /// How answers are written.
  enum Style {
    /// OpenSMTPD's lines.
    case plain
    /// One JSON object a line.
    case json
  }

  let style: Style
  let mode: ControlRequest.Mode
  let output: Output
  /// Who answers; connects on the first use.
  let service: () throws(CommandFailure) -> any QueueService
  let stores: StoreAccess
  /// The spool of the daemon that is asked.
  let spool: String
  /// Writes to standard error when that is a terminal; else nil.
  let terminal: ((String) -> Void)?
  /// Tells the operator of what is no failure, on standard error.
  let warn: (String) -> Void
  let now: () -> Instant
  /// Waits until the next line of `monitor` is due. Returns nil when there is to be none.
  let nextSample: () -> Void?

  /// Adds to the output, with its failures as a command's.
  func write(_ body: (inout [UInt8]) -> Void) throws(CommandFailure) {
    do {
      try output.append(body)
    } catch {
      throw .output(error)
    }
  }

  func line(_ text: String) throws(CommandFailure) {
    try write { bytes in
      bytes.append(text: text)
      bytes.append(UInt8(ascii: "\n"))
    }
  }

  /// One JSON object.
  func json(_ body: (inout JSONLine) -> Void) throws(CommandFailure) {
    var line = JSONLine()
    body(&line)
    try write { bytes in line.finish(into: &bytes) }
  }

  func flush() throws(CommandFailure) {
    do {
      try output.flush()
    } catch {
      throw .output(error)
    }
  }

  /// What cannot only be tried must not be done by mistake.
  func refuseDryRun(of command: String) throws(CommandFailure) {
    guard mode == .execute else { throw .invalid("smtpctl: \(command) has no dry run") }
  }

  /// Carries out a command that has no answer of its own.
  func succeed(_ command: String, _ request: ControlRequest) throws(CommandFailure) {
    try refuseDryRun(of: command)
    try service().complete(request) { _ throws(CommandFailure) in
      throw .brokenAnswer("a part of a larger answer")
    }
    switch style {
    case .plain: try line("command succeeded")
    case .json:
      try json { line in
        line.add("command", command)
        line.add("succeeded", truth: .true)
      }
    }
  }

  /// Reports how many envelopes a command was about.
  ///
  /// - Parameter inFlight: how many more it will be about when they are back; nil where there are none.
  func report(
    _ command: String,
    _ count: Int,
    _ wording: CountWording,
    inFlight: Int? = nil
  ) throws(CommandFailure) {
    switch style {
    case .plain:
      try line(wording.text(for: count, mode))
      if let inFlight, inFlight > 0 { try line(wording.text(forInFlight: inFlight, mode)) }
    case .json:
      try json { line in
        line.add("command", command)
        line.add("envelopes", Int64(count))
        if let inFlight { line.add("in_flight", Int64(inFlight)) }
        line.add("dry_run", truth: mode == .dryRun ? .true : .false)
      }
    }
  }
}

/// How a number of envelopes is told. The verbs of OpenSMTPD differ in what zero is.
struct CountWording {
  enum Zero {
    case singular
    case plural
  }

  let participle: String
  let zero: Zero

  /// `2 envelopes removed`, or `2 envelopes would be removed`.
  func text(for count: Int, _ mode: ControlRequest.Mode) -> String {
    let isPlural = count > 1 || (count == 0 && zero == .plural)
    let verb = mode == .dryRun ? "would be \(participle)" : participle
    return "\(count) \(isPlural ? "envelopes" : "envelope") \(verb)"
  }

  /// `2 envelopes in flight will be removed when their attempts end`.
  func text(forInFlight count: Int, _ mode: ControlRequest.Mode) -> String {
    let verb = "\(mode == .dryRun ? "would" : "will") be \(participle)"
    return count == 1
      ? "1 envelope in flight \(verb) when its attempt ends"
      : "\(count) envelopes in flight \(verb) when their attempts end"
  }
}
