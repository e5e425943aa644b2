// SPDX-License-Identifier: ISC

package import Mail

/// How many wrong passwords came from where, lately. Pure: told what happened and when.
///
/// Every failure counts for an address until it is forgiven, one after the other. Of IPv6 a network of 64
/// bits counts as one address.
package struct AddressFailures: Sendable {
  /// What bounds failures.
  package struct Limits: Sendable {
    /// Failures of one address, after which none of its attempts is looked at.
    package var failuresMax = 20
    /// How long until one of them is forgiven, in milliseconds.
    package var forgiveness: Int64 = 60_000
    /// Addresses that are remembered.
    package var addressesMax = 16_384

    /// The usual ones.
    package init() {}
  }

  /// Whether another attempt is looked at.
  package enum Standing: Hashable, Sendable {
    case welcome
    case barred
  }

  private struct Record {
    var failures: Int
    /// Up to when failures have been forgiven.
    var since: Int64
  }

  private let limits: Limits
  private var records: [SourceAddress: Record] = [:]

  /// Nobody failed yet.
  package init(_ limits: Limits = Limits()) { self.limits = limits }

  /// Whether an attempt from there is looked at; `now` is of a clock that only rises.
  package func standing(of source: SourceAddress, at now: Int64) -> Standing {
    guard let record = records[source.network] else { return .welcome }
    return remaining(record, at: now) >= limits.failuresMax ? .barred : .welcome
  }

  /// A wrong password came from there. Returns the address's standing from now on.
  package mutating func failed(_ source: SourceAddress, at now: Int64) -> Standing {
    let key = source.network
    if let record = records[key] {
      let left = remaining(record, at: now)
      // What is forgiven in part goes on being forgiven.
      let elapsed = (now - record.since) % limits.forgiveness
      records[key] = Record(failures: left + 1, since: left == 0 ? now : now - elapsed)
    } else {
      makeRoom(at: now)
      records[key] = Record(failures: 1, since: now)
    }
    return standing(of: source, at: now)
  }

  /// How many addresses are remembered.
  package var count: Int { records.count }

  private func remaining(_ record: Record, at now: Int64) -> Int {
    let forgiven = (now - record.since) / limits.forgiveness
    return forgiven >= Int64(record.failures) ? 0 : record.failures - Int(max(0, forgiven))
  }

  /// Forgets who was forgiven, and else whoever failed least.
  private mutating func makeRoom(at now: Int64) {
    guard records.count >= limits.addressesMax else { return }
    records = records.filter { remaining($0.value, at: now) > 0 }
    guard records.count >= limits.addressesMax else { return }
    let counts = records.values.map { remaining($0, at: now) }.sorted()
    let least = counts[counts.count / 2]
    records = records.filter { remaining($0.value, at: now) > least }
  }
}
