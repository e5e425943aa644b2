// SPDX-License-Identifier: ISC

package import Queue

/// One response to a `ControlRequest`. What is not final was sent for a credit, and more follows.
package enum ControlResponse: Hashable, Sendable {
  case envelopes([EnvelopeRow])
  /// At most `ControlLimits.chunk`.
  case bytes([UInt8])
  /// What was checked since the last page, and what was found in it.
  case verified(messages: Int, envelopes: Int, findings: [VerifyFinding])
  case quarantine([QuarantinedRecord])
  case explained(ExplanationPage)
  /// At most `ControlLimits.relaysPerPage`.
  case relays([RelayRow])

  /// The end of an answer that has nothing more to say.
  case done
  /// How many envelopes it was.
  case count(Int)
  /// How many envelopes are removed, and how many are in flight and go when they are back.
  case removal(Int, inFlight: Int)
  case statistics([Statistic])
  case status(SubsystemStatus)
  /// The request could not be carried out; the text is for the operator.
  case failure(String)

  /// Whether nothing follows for this request.
  package var isFinal: Bool {
    switch self {
    case .envelopes, .bytes, .verified, .quarantine, .explained, .relays: false
    case .done, .count, .removal, .statistics, .status, .failure: true
    }
  }
}

/// One counter or gauge.
package struct Statistic: Hashable, Sendable {
  package var name: String
  package var value: Int64

  package init(_ name: String, _ value: Int64) {
    self.name = name
    self.value = value
  }
}

extension Statistic {
  private static let silence = "control.silent."

  /// Says that a role did not answer, and that nothing here is its.
  package static func silent(_ role: String) -> Statistic { Statistic(silence + role, 1) }

  /// The role that did not answer; nil in any other statistic.
  package var silentRole: Substring? {
    name.hasPrefix(Statistic.silence) ? name.dropFirst(Statistic.silence.count) : nil
  }
}

/// Which subsystems are paused.
package struct SubsystemStatus: Hashable, Sendable {
  package var paused: Set<ControlRequest.Subsystem>

  package init(paused: Set<ControlRequest.Subsystem> = []) { self.paused = paused }
}
