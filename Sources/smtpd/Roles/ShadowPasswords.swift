// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import Passwords
internal import Supervisor
internal import Synchronization

/// Says whether a password is that of a user of this host. Used by many threads; blocks.
final class ShadowPasswords: Sendable {
  /// What the hash of somebody was like: what is computed for users that there are not.
  private let setting = Mutex(PasswordHash.usualSetting)

  /// The answer to accounts' asker.
  func verdict(on password: Secret, of name: String) -> AuthenticationQuestion.Verdict {
    let today = Clock.now().milliseconds / 86_400_000
    let hash: String?
    switch UserPasswords.password(of: name, on: today) {
    case .failed: return .failed
    case .absent: hash = nil
    case .hash(let found):
      hash = found
      if found.first == "$" { setting.withLock { $0 = found } }
    }
    let setting = setting.withLock { $0 }
    return PasswordHash.matches(password, hash, otherwise: setting) ? .accepted : .denied
  }
}
