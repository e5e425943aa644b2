// SPDX-License-Identifier: ISC

package import Mail

/// How many wrong passwords came from where, lately. Pure: told what happened and when.
///
/// Every failure counts for an address until it is forgiven, one after the other. Of IPv6 a network of 64
/// bits counts as one address, and the site that has it, of 48 bits and so 65,536 of those, bears more.
///
/// Of this machine's programs, a webmail for instance, failures count for the user whose name they gave: whoever
/// can connect to the loopback would else bar all the others. Together they bear far more, and are not barred
/// then: whoever guesses under many names is slowed down with all others.
package struct AddressFailures: Sendable {
  /// What bounds failures.
  package struct Limits: Sendable {
    /// Failures of one address, after which none of its attempts is looked at.
    package var failuresMax = 20
    /// Failures of one site of IPv6, with the same end for all its networks.
    package var siteFailuresMax = 200
    /// How long until one of them is forgiven, in milliseconds.
    package var forgiveness: Int64 = 60_000
    /// Failures of this machine's programs together, under whatever names.
    package var machineFailuresMax = 1000
    /// How long until one of those is forgiven, in milliseconds: all of them are as soon as those of an address.
    package var machineForgiveness: Int64 = 1200
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
  /// Of this machine, as one.
  private var machine: FailureCounts<SourceAddress>

  /// Nobody failed yet.
  package init(_ limits: Limits = Limits()) {
    addresses = FailureCounts(
      limit: limits.failuresMax,
      forgiveness: limits.forgiveness,
      recordsMax: limits.addressesMax
    )
    sites = FailureCounts(
      limit: limits.siteFailuresMax,
      forgiveness: limits.forgiveness,
      recordsMax: limits.addressesMax
    )
    users = FailureCounts(
      limit: limits.failuresMax,
      forgiveness: limits.forgiveness,
      recordsMax: limits.usersMax
    )
    machine = FailureCounts(
      limit: limits.machineFailuresMax,
      forgiveness: limits.machineForgiveness,
      recordsMax: 1
    )
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
      machine.failed(.local, at: now)
    } else {
      addresses.failed(source.network, at: now)
      if let site = source.site { sites.failed(site, at: now) }
    }
    return standing(of: source, as: user, at: now)
  }

  /// Whether this machine's programs together failed so often that they are to be slowed down.
  package func isMachineSuspect(at now: Int64) -> Bool { machine.isBarred(.local, at: now) }

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

  private let limit: Int
  private let forgiveness: Int64
  private let recordsMax: Int
  private var records: [Key: Record] = [:]

  /// - Parameters:
  ///   - limit: failures that bar.
  ///   - forgiveness: how long until one of them is forgiven, in milliseconds.
  ///   - recordsMax: who is remembered, at most.
  init(limit: Int, forgiveness: Int64, recordsMax: Int) {
    self.limit = limit
    self.forgiveness = forgiveness
    self.recordsMax = recordsMax
  }

  var count: Int { records.count }

  func isBarred(_ key: Key, at now: Int64) -> Bool {
    records[key].map { remaining($0, at: now) >= limit } ?? false
  }

  mutating func failed(_ key: Key, at now: Int64) {
    guard let record = records[key] else {
      makeRoom(at: now)
      records[key] = Record(failures: 1, since: now)
      return
    }
    let left = remaining(record, at: now)
    // What is forgiven in part goes on being forgiven.
    let elapsed = (now - record.since) % forgiveness
    // What came of a long attack is forgiven within twice the usual time.
    let failures = min(left + 1, 2 * limit)
    records[key] = Record(failures: failures, since: left == 0 ? now : now - elapsed)
  }

  private func remaining(_ record: Record, at now: Int64) -> Int {
    let forgiven = (now - record.since) / forgiveness
    return forgiven >= Int64(record.failures) ? 0 : record.failures - Int(max(0, forgiven))
  }

  /// Forgets who was forgiven, and else a quarter: whoever failed least, and of those the first, who is forgiven
  /// next. Of many that failed equally often the others stay.
  private mutating func makeRoom(at now: Int64) {
    guard records.count >= recordsMax else { return }
    records = records.filter { remaining($0.value, at: now) > 0 }
    guard records.count >= recordsMax else { return }
    let kept = records.map { (key: $0.key, record: $0.value, left: remaining($0.value, at: now)) }
      .sorted { ($0.left, $0.record.since) < ($1.left, $1.record.since) }
      .dropFirst(max(1, records.count / 4))
    records = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.record) })
  }
}
