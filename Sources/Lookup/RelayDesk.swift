// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import Policy

/// Answers from the tables of relays and from those of listeners' names.
final class RelayDesk {
  private let context: RoleContext
  /// What the tables say.
  private(set) var directory: RelayDirectory

  init(_ context: RoleContext, _ projection: LookupProjection) {
    self.context = context
    directory = RelayDirectory(projection)
  }

  /// Takes what a table says from now on.
  func replace(_ table: TableIndex, with source: TableSource) {
    directory.replace(table, with: source)
  }

  /// Exchanges what all tables say for what is given.
  func exchange(_ other: inout RelayDirectory) { directory.exchangeTables(with: &other) }

  /// What the tables of a relay say for mail to a domain.
  func answer(_ token: UInt64, _ action: String, _ domain: String) -> LookupToDelivery {
    do throws(RelayDirectory.Refusal) {
      return .relay(token: token, RelayFacts(try directory.facts(ofRelay: action, to: domain)))
    } catch {
      return .refused(token: token, reason: "\(error)")
    }
  }

  /// The name of a listener at one of its addresses; nil leaves it at the listener's own.
  func hostName(ofListener index: UInt16, at address: IPAddress) -> String? {
    do throws(RelayDirectory.Refusal) {
      return try directory.hostName(ofListener: Int(index), at: address)
    } catch {
      context.log.warn("lookup: hostnames: \(error)")
      return nil
    }
  }
}

extension RelayFacts {
  fileprivate init(_ facts: RelayDirectory.Facts) {
    self.init(
      host: facts.host,
      sources: facts.sources,
      heloNames: facts.heloNames.map { HeloName(address: $0, name: $1) }
    )
  }
}
