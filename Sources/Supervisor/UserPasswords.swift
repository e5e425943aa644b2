// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc

/// The hashes of this host's users' passwords, as the name service switch knows them. May block.
package enum UserPasswords {
  /// What is known of a user.
  package enum Answer: Hashable, Sendable {
    case hash(String)
    /// No such user, or one whose account has expired, or whose password has to be changed first.
    case absent
    /// It cannot be known, as when another user than root asks.
    case failed
  }

  /// Room for a hash; crypt(5) makes none of this length.
  private static let size = 1024

  /// getspnam(3); `day` is today, counted from the epoch.
  package static func password(of name: String, on day: Int64) -> Answer {
    // To others some services say that there is no such user, and not that they may not know.
    guard geteuid() == 0 else { return .failed }
    var text = [CChar](repeating: 0, count: size)
    var days = talaria_shadow_days(expires: -1, changed: -1, lasts: -1)
    // All of it is used during the call only, and the array is as long as is said.
    let outcome = unsafe talaria_shadow_entry(name, &text, size, &days)
    defer { for index in text.indices { text[index] = 0 } }
    switch outcome {
    case 0 where !isUsable(days, on: day): return .absent
    case 0:
      return .hash(
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      )
    case ENOENT: return .absent
    default: return .failed
    }
  }

  /// Whether an entry's days let its user in. A password that has to be changed, or is too old, is of no use:
  /// nobody can change it by SMTP, so that the days of grace of shadow(5) help nobody either.
  private static func isUsable(_ days: talaria_shadow_days, on day: Int64) -> Bool {
    if days.expires >= 0, day >= days.expires { return false }
    if days.changed == 0 { return false }
    // A change in the future is a clock that was wrong.
    guard days.changed > 0, days.lasts >= 0, day > days.changed else { return true }
    return day - days.changed <= days.lasts
  }
}
