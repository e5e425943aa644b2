// SPDX-License-Identifier: ISC

package import Interprocess
package import TLS

/// Which keys sign, and for whom. Pure: it is told what renewals bring and what roles show, and says which
/// keys are to be kept.
///
/// Each certificate has its place in the configuration, and a key there once a renewal brought one. The key
/// that was there before signs on until nobody can ask for it: every role that shows the certificate shows
/// one of that renewal or of a later one, and handshakes that began with another are over.
package struct KeyRing {
  /// What bounds the ring.
  package enum Limits {
    /// Former keys of a certificate; with one more the oldest goes.
    package static let former = 16
  }

  /// What there was in the files.
  package struct Renewal {
    /// Later ones have higher numbers.
    package var generation: UInt32
    /// The place of the one certificate that it is about; nil: of all, and of the anchors.
    package var only: Int?
    /// By the places of their certificates, of those that are broken as well.
    package var keys: [Int: KeyName]
    /// Who shows the certificates, in the order of their places.
    package var users: [CertificatePackage.Users]
    /// Places at which something is wrong; those of anchors are behind.
    package var broken: Set<UInt16>
    /// How many places there are.
    package var count: Int

    /// Says all of it.
    package init(
      generation: UInt32,
      only: Int? = nil,
      keys: [Int: KeyName],
      users: [CertificatePackage.Users],
      broken: Set<UInt16>,
      count: Int
    ) {
      self.generation = generation
      self.only = only
      self.keys = keys
      self.users = users
      self.broken = broken
      self.count = count
    }
  }

  private struct Place {
    var key: KeyName
    var users: CertificatePackage.Users
    /// Those before it, and of which renewal the key is that came for each.
    var former: [(key: KeyName, generation: UInt32)] = []
  }

  private static let showing: [Role] = [.frontend, .delivery]

  private var places: [Int: Place] = [:]
  /// Where something has been broken since the first renewal: what is there may be of no use.
  private var lacking: Set<UInt16> = []
  /// A renewal of all was looked at.
  private var isBegun = false
  /// No handshake of a role is under way that began with certificates from before this generation.
  private var settled: [Role: UInt32] = [:]
  /// The keys that sign, and who may have them do so.
  package private(set) var users: [KeyName: CertificatePackage.Users] = [:]

  /// Without keys.
  package init() {}

  /// Takes a renewal, or refuses it, and then all stays as it was.
  ///
  /// One of all counts when nothing is broken. The first is taken for what can be used of it, and as long as
  /// something is lacking, so is one that mends a part of that. What is broken keeps the key that it has;
  /// where there is none, the one that was found may be that of the certificate before.
  package mutating func take(_ renewal: Renewal) -> KeysReport.Verdict {
    if let only = renewal.only {
      guard renewal.broken.isEmpty, let key = renewal.keys[only] else { return .refused }
      put(key, at: only, of: renewal)
      lacking.remove(UInt16(only))
    } else {
      guard isOfUse(renewal) else { return .refused }
      for (place, key) in renewal.keys
      where places[place] == nil || !renewal.broken.contains(UInt16(place)) {
        put(key, at: place, of: renewal)
      }
    }
    weed()
    return .taken
  }

  /// Whether a renewal of all is to be taken. Notes what is lacking.
  private mutating func isOfUse(_ renewal: Renewal) -> Bool {
    let broken = renewal.broken
    guard isBegun else {
      isBegun = true
      lacking = broken
      return broken.count < renewal.count || !renewal.keys.isEmpty || broken.isEmpty
    }
    let isMending =
      !lacking.isSubset(of: broken) || renewal.keys.keys.contains { places[$0] == nil }
    guard broken.isEmpty || isMending else { return false }
    lacking.formIntersection(broken)
    return true
  }

  private mutating func put(_ key: KeyName, at place: Int, of renewal: Renewal) {
    var now = places[place] ?? Place(key: key, users: [])
    now.former.removeAll { $0.key == key }
    if now.key != key { now.former.append((now.key, renewal.generation)) }
    if now.former.count > Limits.former { now.former.removeFirst() }
    now.key = key
    now.users = renewal.users[place]
    places[place] = now
  }

  /// No handshake of a role is under way that began with certificates from before `generation`.
  package mutating func settled(_ role: Role, _ generation: UInt32) {
    settled[role] = max(generation, settled[role, default: 0])
    weed()
  }

  /// Drops what nobody can ask for, and says anew who may ask for what.
  private mutating func weed() {
    users.removeAll(keepingCapacity: true)
    for (index, var place) in places {
      let over = KeyRing.showing.filter(place.users.permits).map { settled[$0, default: 0] }.min()
      place.former.removeAll { $0.generation <= over ?? .max }
      places[index] = place
      for key in [place.key] + place.former.map(\.key) {
        users[key, default: []].formUnion(place.users)
      }
    }
  }
}
