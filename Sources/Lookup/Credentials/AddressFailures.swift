// SPDX-License-Identifier: ISC

package import Mail

/// How many wrong passwords came from where, lately. Pure: told what happened and when.
///
/// Every failure counts for an address until it is forgiven, one after the other. Of IPv6 a network of 64
/// bits counts as one address, and the site that has it, of 48 bits and so 65,536 of those, bears more.
///
/// Of this machine's programs, a webmail for instance, failures count for the user whose name they gave: whoever
/// can connect to the loopback would else bar all the others.
package struct AddressFailures: Sendable {
  /// What bounds failures.
  package struct Limits: Sendable {
    /// Failures of one address, after which none of its attempts is looked at.
    package var failuresMax = 20
    /// Failures of one site of IPv6, with the same end for all its networks.
    package var siteFailuresMax = 200
    /// How long until one of them is forgiven, in milliseconds.
    package var forgiveness: Int64 = 60_000
    /// Addresses that are remembered, and as many sites.
    package var addressesMax = 16_384
    /// Users that are remembered.
    package var usersMax = 4096

    /// The usual ones.
    package init() {}
  }

  /// Whether another attempt is looked at.
  package enum Standing: Hashable, Sendable {
    case welcome
    case barred
  }

  private var addresses: FailureCounts<SourceAddress>
  /// By the 48 bits of the site.
  private var sites: FailureCounts<UInt64>
  /// By the name, in lower case, that one of this machine's programs gave.
  private var users: FailureCounts<String>

  /// Nobody failed yet.
  package init(_ limits: Limits = Limits()) {
    addresses = FailureCounts(
      limits,
      failuresMax: limits.failuresMax,
      recordsMax: limits.addressesMax
    )
    sites = FailureCounts(
      limits,
      failuresMax: limits.siteFailuresMax,
      recordsMax: limits.addressesMax
    )
    users = FailureCounts(limits, failuresMax: limits.failuresMax, recordsMax: limits.usersMax)
  }

  /// Whether an attempt from there to be `user` is looked at; `now` is of a clock that only rises.
  package func standing(of source: SourceAddress, as user: String, at now: Int64) -> Standing {
    if source.isOfMachine { return users.isBarred(user.lowercased(), at: now) ? .barred : .welcome }
    let isBarred =
      addresses.isBarred(source.network, at: now)
      || source.site.map { sites.isBarred($0, at: now) } == true
    return isBarred ? .barred : .welcome
  }

  /// A wrong password for `user` came from there. Returns the standing of such attempts from now on.
  package mutating func failed(
    _ source: SourceAddress,
    as user: String,
    at now: Int64
  ) -> Standing {
    if source.isOfMachine {
      users.failed(user.lowercased(), at: now)
    } else {
      addresses.failed(source.network, at: now)
      if let site = source.site { sites.failed(site, at: now) }
    }
    return standing(of: source, as: user, at: now)
  }

  /// How many addresses, sites and users are remembered.
  package var count: Int { addresses.count + sites.count + users.count }
}

extension SourceAddress {
  /// Whether programs of this machine come from there, which nothing tells apart.
  var isOfMachine: Bool { IPAddress(self)?.isLoopback ?? true }

  /// The upper 48 bits of an IPv6 address: what a site usually has.
  fileprivate var site: UInt64? {
    if case .inet6(let high, _) = self { high >> 16 } else { nil }
  }
}

/// The failures of each of many, with one bound.
private struct FailureCounts<Key: Hashable & Sendable>: Sendable {
  private struct Record {
    var failures: Int
    /// Up to when failures have been forgiven.
    var since: Int64
  }

  private let limits: AddressFailures.Limits
  private let failuresMax: Int
  private let recordsMax: Int
  private var records: [Key: Record] = [:]

  init(_ limits: AddressFailures.Limits, failuresMax: Int, recordsMax: Int) {
    self.limits = limits
    self.recordsMax = recordsMax
    self.failuresMax = failuresMax
  }

  var count: Int { records.count }

  func isBarred(_ key: Key, at now: Int64) -> Bool {
    records[key].map { remaining($0, at: now) >= failuresMax } ?? false
  }

  mutating func failed(_ key: Key, at now: Int64) {
    guard let record = records[key] else {
      makeRoom(at: now)
      records[key] = Record(failures: 1, since: now)
      return
    }
    let left = remaining(record, at: now)
    // What is forgiven in part goes on being forgiven.
    let elapsed = (now - record.since) % limits.forgiveness
    records[key] = Record(failures: left + 1, since: left == 0 ? now : now - elapsed)
  }

  private func remaining(_ record: Record, at now: Int64) -> Int {
    let forgiven = (now - record.since) / limits.forgiveness
    return forgiven >= Int64(record.failures) ? 0 : record.failures - Int(max(0, forgiven))
  }

  /// Forgets who was forgiven, and else whoever failed least.
  private mutating func makeRoom(at now: Int64) {
    guard records.count >= recordsMax else { return }
    records = records.filter { remaining($0.value, at: now) > 0 }
    guard records.count >= recordsMax else { return }
    let counts = records.values.map { remaining($0, at: now) }.sorted()
    let least = counts[counts.count / 2]
    records = records.filter { remaining($0.value, at: now) > least }
  }
}
