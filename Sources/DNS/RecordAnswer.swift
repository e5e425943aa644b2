// SPDX-License-Identifier: ISC

import Mail

/// The record types that are asked for.
enum RecordType: Int32, Sendable {
  case address4 = 1
  case pointer = 12
  case mailExchanger = 15
  case address6 = 28
  case key = 48
}

/// What libunbound said to one query, as values.
struct RecordAnswer: Sendable {
  enum Outcome: Sendable, Hashable {
    case data([[UInt8]])
    case nonexistent
    case noData
    case bogus
    case temporary(DNSAnswer.TemporaryFailure)
  }

  let outcome: Outcome
  let authenticity: DNSAnswer.Authenticity

  init(_ outcome: Outcome, _ authenticity: DNSAnswer.Authenticity = .unvalidated) {
    self.outcome = outcome
    self.authenticity = authenticity
  }
}

extension DNSQuestion {
  /// The queries that a question is made of.
  var queries: [(name: String, type: RecordType)] {
    switch self {
    case .mailExchangers(let name): [(name.text, .mailExchanger)]
    case .addresses(let name): [(name.text, .address4), (name.text, .address6)]
    case .pointer(let address): [(reverseName(address), .pointer)]
    }
  }

  /// The answer to the question from those to its queries, in the order of `queries`.
  func answer(from answers: [RecordAnswer]) -> DNSAnswer {
    var data: [[UInt8]] = []
    var authenticity = DNSAnswer.Authenticity.validated
    var worst: DNSAnswer.Outcome?
    var absent = 0
    for answer in answers {
      if answer.authenticity == .unvalidated { authenticity = .unvalidated }
      switch answer.outcome {
      case .data(let records): data += records
      case .nonexistent: absent += 1
      case .noData: break
      case .bogus: worst = .bogus
      case .temporary(let failure): worst = worst ?? .temporary(failure)
      }
    }
    if !data.isEmpty, let records = records(data) {
      return DNSAnswer(.records(records), authenticity)
    }
    if let worst { return DNSAnswer(worst) }
    if !data.isEmpty { return DNSAnswer(.temporary(.malformed)) }
    return DNSAnswer(absent == answers.count ? .nonexistent : .noData, authenticity)
  }

  /// Nil when no record can be read.
  private func records(_ data: [[UInt8]]) -> DNSAnswer.Records? {
    switch self {
    case .mailExchangers:
      let records = data.compactMap(RecordData.mailExchanger)
      return records.isEmpty ? nil : .mailExchangers(records)
    case .addresses:
      let addresses = data.compactMap { IPAddress(bytes: $0) }
      return addresses.isEmpty ? nil : .addresses(addresses)
    case .pointer:
      let names = data.compactMap(RecordData.domainName)
      return names.isEmpty ? nil : .names(names)
    }
  }
}
