// SPDX-License-Identifier: ISC

/// Which subsystems the operator has stopped: what is stored, and what the command line adds.
struct Pauses {
  struct Subsystems: OptionSet {
    let rawValue: UInt8
    static let mda = Subsystems(rawValue: 1)
    static let mta = Subsystems(rawValue: 2)
    static let smtp = Subsystems(rawValue: 4)
  }

  enum Wanted {
    case paused
    case running
  }

  /// The store's name for the pauses.
  static let setting = "paused"

  /// Of `-P`; holds until it is resumed, and is not stored.
  var atStart: Subsystems = [] {
    didSet { current.formUnion(atStart) }
  }
  private(set) var current: Subsystems = []
  private var durable: Subsystems = []

  mutating func restore(_ value: [UInt8]?) {
    durable = Subsystems(rawValue: value?.first ?? 0)
    current.formUnion(durable)
  }

  /// The value of the setting; nil when nothing is paused.
  var stored: [UInt8]? { durable.isEmpty ? nil : [durable.rawValue] }

  /// Returns false when it was so already, and nothing changes: what `-P` has paused is not stored then.
  mutating func change(_ subsystem: Subsystems, _ wanted: Wanted) -> Bool {
    switch wanted {
    case .paused:
      guard current.insert(subsystem).inserted else { return false }
      durable.insert(subsystem)
      return true
    case .running:
      durable.remove(subsystem)
      return current.remove(subsystem) != nil
    }
  }
}
