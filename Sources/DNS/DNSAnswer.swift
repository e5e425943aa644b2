// SPDX-License-Identifier: ISC

package import Mail

/// What came of a question.
package struct DNSAnswer: Hashable, Sendable {
  package let outcome: Outcome
  package let authenticity: Authenticity

  package init(_ outcome: Outcome, _ authenticity: Authenticity = .unvalidated) {
    self.outcome = outcome
    self.authenticity = authenticity
  }

  package enum Outcome: Hashable, Sendable {
    case records(Records)
    /// The name does not exist.
    case nonexistent
    /// The name exists, without records of the kind.
    case noData
    /// DNSSEC validation failed. Treated like `temporary`, but never to be trusted or overridden.
    case bogus
    case temporary(TemporaryFailure)
  }

  /// Never empty.
  package enum Records: Hashable, Sendable {
    /// In the order of the answer.
    case mailExchangers([MailExchangerRecord])
    /// Version 4 before version 6, or as the hosts file has them.
    case addresses([IPAddress])
    case names([DomainName])
  }

  /// Whether the chain of signatures down from the trust anchor holds.
  package enum Authenticity: UInt8, Sendable {
    case unvalidated = 0
    case validated = 1
  }

  package enum TemporaryFailure: UInt8, Sendable {
    case serverFailure = 1
    case timeout = 2
    /// More questions in flight than `ResolverLimits` allows.
    case overloaded = 3
    /// The answer is longer than its limit, or is none.
    case malformed = 4
    /// The resolver could not be asked at all.
    case unavailable = 5
  }
}

/// One MX record.
package struct MailExchangerRecord: Hashable, Sendable {
  package let preference: UInt16
  /// Nil for the root: with it alone the domain accepts no mail (RFC 7505).
  package let exchange: DomainName?

  package init(preference: UInt16, exchange: DomainName?) {
    self.preference = preference
    self.exchange = exchange
  }
}
