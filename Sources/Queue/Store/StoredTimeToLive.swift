// SPDX-License-Identifier: ISC

/// How long envelopes live that say nothing of it themselves, as a setting of the store: for who reads
/// it without the configuration.
package enum StoredTimeToLive {
  package static let setting = "ttl"

  /// What stands for it in the store.
  package static func value(_ timeToLive: Duration) -> [UInt8] {
    Array("\(timeToLive.components.seconds)".utf8)
  }

  /// Nil where no daemon has written it.
  package static func read(from store: any Store) throws(StoreError) -> Duration? {
    guard let value = try store.setting(setting),
      let seconds = Int64(String(decoding: value, as: UTF8.self)), seconds > 0
    else { return nil }
    return .seconds(seconds)
  }
}
