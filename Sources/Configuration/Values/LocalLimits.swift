// SPDX-License-Identifier: ISC

/// `mda limit`: what deliveries on this host may use at a time.
package struct LocalLimits: Hashable, Sendable {
  package var sessionsMax = 50
  package var sessionsPerUserMax = 7
  /// At so many tasks of a user new envelopes are held.
  package var tasksHigh = 50
  /// At so few the held ones are asked back.
  package var tasksLow = 30
  /// So many are asked back at a time.
  package var tasksRelease = 10
  /// How long a command may run.
  package var timeout = Duration.seconds(300)

  package init() {}

  /// A limit that is a number, by its word in the configuration.
  package enum Key: String, CaseIterable, Sendable {
    case sessionsMax = "max-session"
    case sessionsPerUserMax = "max-session-per-user"
    case tasksLow = "task-lowat"
    case tasksHigh = "task-hiwat"
    case tasksRelease = "task-release"

    package var path: WritableKeyPath<LocalLimits, Int> {
      switch self {
      case .sessionsMax: \.sessionsMax
      case .sessionsPerUserMax: \.sessionsPerUserMax
      case .tasksLow: \.tasksLow
      case .tasksHigh: \.tasksHigh
      case .tasksRelease: \.tasksRelease
      }
    }
  }
}
