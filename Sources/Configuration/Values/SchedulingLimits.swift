// SPDX-License-Identifier: ISC

/// `scheduler limit`: how much the scheduler has under way.
package struct SchedulingLimits: Hashable, Sendable {
  package var inFlightMax = 5000
  package var envelopeBatchMax = 256
  package var messageBatchMax = 1024
  package var scheduleMax = 10

  package init() {}

  /// A limit by its word in the configuration.
  package enum Key: String, CaseIterable, Sendable {
    case inFlightMax = "max-inflight"
    case envelopeBatchMax = "max-evp-batch-size"
    case messageBatchMax = "max-msg-batch-size"
    case scheduleMax = "max-schedule"

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
