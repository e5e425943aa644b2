// SPDX-License-Identifier: ISC

/// How long envelopes live that say nothing of it themselves, as settings of the store: for who reads it
/// without the configuration.
package struct StoredTimeToLive: Equatable, Sendable {
  /// The seconds for all whose action says nothing of it, in decimal.
  package static let setting = "ttl"
  /// For each action that has its own a line: seconds, a blank, its name.
  package static let actionsSetting = "ttl.actions"
  /// Of that setting, in bytes: what each store takes. Actions that have no room in it are left out.
  static let actionsMax = 4096

  package var usual: Duration
  /// By the names of actions.
  package var ofActions: [String: Duration]

  package init(usual: Duration, ofActions: [String: Duration] = [:]) {
    self.usual = usual
    self.ofActions = ofActions
  }

  /// Of envelopes with this action.
  package subscript(action: String) -> Duration { ofActions[action] ?? usual }

  /// Nil where no daemon has written it.
  package init?(from store: any Store) throws(StoreError) {
    guard let value = try store.setting(StoredTimeToLive.setting),
      let usual = StoredTimeToLive.seconds(value[...])
    else { return nil }
    self.init(usual: usual)
    let actions = try store.setting(StoredTimeToLive.actionsSetting) ?? []
    for line in actions.split(separator: UInt8(ascii: "\n")) {
      let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 1)
      guard parts.count == 2, let timeToLive = StoredTimeToLive.seconds(parts[0]) else { continue }
      ofActions[String(decoding: parts[1], as: UTF8.self)] = timeToLive
    }
  }

  private static func seconds(_ text: ArraySlice<UInt8>) -> Duration? {
    Int64(String(decoding: text, as: UTF8.self)).flatMap { $0 > 0 ? .seconds($0) : nil }
  }

  /// What makes the store say this.
  package func changes(to store: any Store) throws(StoreError) -> [Change] {
    let wanted: [(name: String, value: [UInt8]?)] = [
      (StoredTimeToLive.setting, Array("\(usual.components.seconds)".utf8)),
      (StoredTimeToLive.actionsSetting, actions),
    ]
    var changes: [Change] = []
    for (name, value) in wanted where try store.setting(name) != value {
      changes.append(.set(name, value))
    }
    return changes
  }

  private var actions: [UInt8]? {
    var lines: [UInt8] = []
    for (name, timeToLive) in ofActions.sorted(by: { $0.key < $1.key }) {
      let line = Array("\(timeToLive.components.seconds) \(name)\n".utf8)
      if lines.count + line.count <= StoredTimeToLive.actionsMax { lines += line }
    }
    return lines.isEmpty ? nil : lines
  }
}
