// SPDX-License-Identifier: ISC

/// What one party of the administration protocol may ask of the other.
package enum ControlLimits {
  /// A frame's length field: type and payload, in bytes.
  package static let frame = 1 << 20
  /// Of content in one `bytes` response.
  package static let chunk = 256 * 1024
  /// Envelopes in one page. A page must also fit a frame: see `EnvelopePageEncoder`.
  package static let rowsPerPage = 2048
  /// Encoded rows of one page, in bytes.
  package static let pageBytes = 512 * 1024
  /// Words of a selection.
  package static let selectionWords = 4096
  /// One word of a selection, in bytes.
  package static let selectionWord = 1024
  /// All words of a selection, in bytes.
  package static let selectionBytes = 512 * 1024
  /// A name: an action, a quarantined record, a statistic.
  package static let name = 255
  /// A text for the operator, in bytes.
  package static let text = 8192
  /// Counters and gauges of one answer.
  package static let statistics = 4096
  /// Bytes of the name of one.
  package static let statisticName = 128
  /// Findings of a verification in one page.
  package static let findingsPerPage = 512
  /// Quarantined records in one page.
  package static let quarantineRowsPerPage = 512
  /// Relays in one page.
  package static let relaysPerPage = 16
  /// Connectors of one relay that are told of.
  package static let connectorsPerRelay = 256
  /// The name of a relay, in bytes.
  package static let relayName = 2048
  /// The source of a connector, in bytes.
  package static let connectorSource = 64
  /// What is wrong with one record, in bytes.
  package static let findingText = 1024
  /// Of an address in a question, in bytes.
  package static let addressPart = 1024
  /// Rules that one node tells of: the last ones before the decision.
  package static let explainedRules = 8192
  /// Remarks of one explanation.
  package static let explainedNotes = 64
  /// What a peer says about its build in the hello, in bytes.
  package static let build = 64
}
