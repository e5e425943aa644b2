// SPDX-License-Identifier: ISC

package import Mail

/// What can change in a stored envelope.
///
/// A step and not a new record, so that whoever makes it need not have the envelope in memory, and so
/// that a log of it stays short.
package enum EnvelopeUpdate: Hashable, Sendable {
  /// A try ended without success: counts it.
  case deferred(at: Instant, status: EnhancedStatus?, error: String, peer: String = "")
  /// The envelope is now a notice that is owed to its sender. Tries begin anew; `lastTry` stays that of
  /// the delivery it tells of.
  case becameBounce(
    Bounce,
    at: Instant,
    lastTry: Instant?,
    status: EnhancedStatus?,
    error: String,
    peer: String = ""
  )
  /// A delay notice was made for the moment given.
  case noticed(Instant)
  case suspended(Progress.Suspension)
  /// Another action of the configuration is to deliver it.
  case reassigned(action: String)
  /// The delivering role died with it.
  case crashed
}

extension Envelope {
  /// The longest error text that is kept, in bytes of UTF-8.
  package static let errorTextMax = 2047

  package mutating func apply(_ update: EnvelopeUpdate) {
    switch update {
    case .deferred(let at, let status, let error, let peer):
      progress.tries = progress.tries == .max ? .max : progress.tries + 1
      if case .bounce = kind {} else { progress.lastTry = at }
      progress.lastStatus = status
      progress.lastError = Envelope.errorText(error)
      progress.lastPeer = Envelope.peerName(peer)
      progress.crashes = 0
    case .becameBounce(let bounce, let at, let lastTry, let status, let error, let peer):
      kind = .bounce(bounce)
      created = at
      progress.tries = 0
      progress.lastTry = lastTry
      progress.lastStatus = status
      progress.lastError = Envelope.errorText(error)
      progress.lastPeer = Envelope.peerName(peer)
      progress.crashes = 0
    case .noticed(let moment):
      progress.lastNotice = moment
    case .suspended(let suspension):
      progress.suspension = suspension
    case .reassigned(let action):
      self.action = action
    case .crashed:
      progress.crashes = progress.crashes == .max ? .max : progress.crashes + 1
    }
  }

  /// `name` as it may be stored: visible ASCII without blanks, and nothing when it is too long.
  package static func peerName(_ name: String) -> String {
    let isSound = name.utf8.count <= RecordLimits.name && name.utf8.allSatisfy { 0x21...0x7e ~= $0 }
    return isSound ? name : ""
  }

  /// `text` as it may be stored: no control characters, at most `errorTextMax` bytes.
  package static func errorText(_ text: String) -> String {
    var kept = ""
    var length = 0
    for scalar in text.unicodeScalars {
      let clean = scalar.value < 0x20 || scalar.value == 0x7f ? " " : scalar
      length += UTF8.width(clean)
      guard length <= errorTextMax else { break }
      kept.unicodeScalars.append(clean)
    }
    return kept
  }
}
