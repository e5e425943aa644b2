// SPDX-License-Identifier: ISC

package import Interprocess
internal import Mail
package import NIOCore
package import TLS

/// The private keys that sign, each for as long as anybody may ask for it: `KeyRing` says for whom, and
/// `ShownRenewals` when a former one is over, by the clock of the event loop. Of one event loop.
///
/// Generic, since nothing here looks into a key.
package final class HeldKeys<Key> {
  private let loop: any EventLoop
  private var keys: [KeyName: Key] = [:]
  private var ring = KeyRing()
  private var shown = ShownRenewals()
  /// The renewal that was looked at last.
  private var generation: UInt32 = 0

  /// Without keys.
  package init(on loop: any EventLoop) { self.loop = loop }

  /// Takes a renewal with its keys, or refuses it, and then all stays as it was.
  package func take(
    _ renewal: KeyRing.Renewal,
    _ renewed: [KeyName: Key]
  ) -> KeysReport.Verdict {
    generation = renewal.generation
    let verdict = ring.take(renewal)
    if verdict == .taken { keys.merge(renewed) { $1 } }
    dropKeys()
    return verdict
  }

  /// A role shows the certificates of a renewal; once its handshakes with those before them are over, keys that
  /// nobody else can ask for are dropped.
  package func shows(_ generation: UInt32, _ role: Role) {
    let now = now
    guard let end = shown.shows(generation, role, latest: self.generation, at: now) else { return }
    let wait = TimeAmount.milliseconds((end - now).wholeMilliseconds)
    loop.assumeIsolated().scheduleTask(in: wait) { [weak self] in self?.settle() }
  }

  /// The key of this name; nil when it signs for nobody.
  package subscript(name: KeyName) -> Key? { keys[name] }

  /// Who may have it sign.
  package func users(of name: KeyName) -> CertificatePackage.Users { ring.users[name] ?? [] }

  private func settle() {
    for (role, generation) in shown.settled(at: now) { ring.settled(role, generation) }
    dropKeys()
  }

  /// Those that sign for nobody.
  private func dropKeys() { keys = keys.filter { ring.users[$0.key] != nil } }

  private var now: Instant {
    Instant(milliseconds: Int64(loop.now.uptimeNanoseconds / 1_000_000))
  }
}
