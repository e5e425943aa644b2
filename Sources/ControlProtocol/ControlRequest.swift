// SPDX-License-Identifier: ISC

package import Mail

/// What an operator can ask of the running daemon.
///
/// Each request has an identifier beside it, chosen by whoever asks. Its answer is any number of
/// responses that are not final, each sent only for a credit, and one that is. The request itself is
/// the first credit; `more` is each further one.
package enum ControlRequest: Hashable, Sendable {
  /// Answered by pages of `envelopes` in rising order, then `done`.
  case showQueue(Selection)
  /// Answered by one page with one envelope, then `done`; or `failure`.
  case showEnvelope(EnvelopeID)
  /// Answered by `bytes`, then `done`.
  case showMessage(QueueItem)
  /// Answered by `statistics`.
  case showStats
  /// Answered by `status`.
  case showStatus
  /// Answered by pages of `relays`, then `done`.
  case showRelays

  /// These are answered by `count`.
  case schedule(Selection, Mode)
  case remove(Selection, Mode)
  case pauseEnvelopes(Selection, Mode)
  case resumeEnvelopes(Selection, Mode)
  /// Another action of the configuration is to deliver them.
  case reassign(Selection, action: String, Mode)
  /// Envelopes that were put into the store by hand.
  case discover(QueueItem)

  /// These are answered by `done` or `failure`.
  case pause(Subsystem)
  case resume(Subsystem)
  case logLevel(LogLevel)
  /// The files of a `pki`, and with it of all others and of `ca`, are read again; `failure` when they
  /// cannot be used, and nothing has changed.
  case updateCertificates(name: String)

  /// The file of a table is to be read anew. Answered by `done` or `failure`.
  case updateTable(name: String)
  /// Answered by `explained` pages, then `done`.
  case explain(ExplanationQuestion)

  /// Answered by `verified` pages, then `done`.
  case verifyQueue
  /// Answered by `quarantine` pages, then `done`.
  case quarantineList
  /// Answered by `bytes`, then `done`.
  case quarantineShow(name: String)
  /// Answered by `count`: the envelopes that are back.
  case quarantineRestore(name: String)

  /// A credit for one more response of the request with the same identifier.
  case more
  /// Nobody waits for the request with the same identifier any longer. Has no answer.
  case cancel

  /// How much a verb does.
  package enum Mode: UInt8, Sendable {
    case execute = 0
    /// Count only.
    case dryRun = 1
  }

  /// What can be paused.
  package enum Subsystem: UInt8, CaseIterable, Sendable {
    case mda = 1
    case mta = 2
    case smtp = 3
  }

  /// How much is logged.
  package enum LogLevel: UInt8, Sendable {
    case brief = 1
    case verbose = 2
  }
}

extension ControlRequest.Subsystem {
  /// The word of the command line.
  package var word: String {
    switch self {
    case .mda: "mda"
    case .mta: "mta"
    case .smtp: "smtp"
    }
  }
}
