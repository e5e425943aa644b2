// SPDX-License-Identifier: ISC

/// `scheduler limit`: how much the scheduler has under way.
package struct SchedulingLimits: Hashable, Sendable {
  package var inFlightMax = 5000
  package var envelopeBatchMax = 256
  /// Of no effect: no list is made message by message.
  package var messageBatchMax = 1024
  /// Of no effect: a pass takes what is due, up to the other limits.
  package var scheduleMax = 10

  package init() {}

  /// A limit by its word in the configuration.
  package enum Key: String, CaseIterable, Sendable {
    case inFlightMax = "max-inflight"
    case envelopeBatchMax = "max-evp-batch-size"
    case messageBatchMax = "max-msg-batch-size"
    case scheduleMax = "max-schedule"

    /// Whether something here is bounded by it; OpenSMTPD's scheduler has steps that ours has not.
    var hasEffect: Bool { self == .inFlightMax || self == .envelopeBatchMax }

    package var path: WritableKeyPath<SchedulingLimits, Int> {
      switch self {
      case .inFlightMax: \.inFlightMax
      case .envelopeBatchMax: \.envelopeBatchMax
      case .messageBatchMax: \.messageBatchMax
      case .scheduleMax: \.scheduleMax
      }
    }
  }
}
