// SPDX-License-Identifier: ISC

/// How long envelopes live that say nothing of it themselves, as a setting of the store: for who reads
/// it without the configuration.
package enum StoredTimeToLive {
  package static let setting = "ttl"

  /// Writes what is not there already; best effort.
  package static func record(_ timeToLive: Duration, in store: any Store) {
    let value = Array("\(timeToLive.components.seconds)".utf8)
    guard let known = try? store.setting(setting), known == value else {
      // What cannot be written now is written at another start.
      try? store.apply([.set(setting, value)])
      return
    }
  }

  /// Nil where no daemon has written it.
  package static func read(from store: any Store) throws(StoreError) -> Duration? {
    guard let value = try store.setting(setting),
      let seconds = Int64(String(decoding: value, as: UTF8.self)), seconds > 0
    else { return nil }
    return .seconds(seconds)
  }
}
