// SPDX-License-Identifier: ISC

/// All commands, in the order of the manual.
enum CommandTable {
  /// A form of a command.
  struct Entry: Sendable {
    let pattern: [Pattern]
    /// Makes the command. The parameters are of the pattern's kinds, in its order.
    let make: @Sendable ([Parameter]) -> any Command

    /// The form for help and for lists of possible continuations.
    var help: String { pattern.map(\.help).joined(separator: " ") }
  }

  static let entries: [Entry] =
    Discover.entries + Encrypt.entries + Explain.entries + LogLevel.entries + Monitor.entries
    + Pause.entries
    + QueueCopy.entries
    + QueueQuarantine.entries + QueueVerify.entries + Reassign.entries + Remove.entries
    + Resume.entries + Schedule.entries + ShowEnvelope.entries + ShowMessage.entries
    + ShowQueue.entries + ShowRelays.entries + ShowStats.entries + ShowStatus.entries
    + UpdateCertificates.entries + UpdateTable.entries
}
