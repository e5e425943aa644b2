// SPDX-License-Identifier: ISC

internal import ControlProtocol

/// A role that answers requests of operators.
package enum ControlTarget: String, CaseIterable, Hashable, Sendable {
  case queue
  case frontend
  case delivery
  case lookup
  /// Asked about certificates only: what it waits for is nobody else's delay.
  case keys

  /// Those that have statistics and whose log an operator sets.
  static let everyday: [ControlTarget] = [.queue, .frontend, .delivery, .lookup]
}

/// Which roles a request visits, one after the other.
struct ControlRoute: Equatable {
  enum Rule {
    /// The first role's answer counts; the others are told what it agreed to.
    case agree
    /// Statistics of all roles that answer are added up.
    case gather
  }

  let targets: [ControlTarget]
  let rule: Rule

  init(_ request: ControlRequest) {
    switch request {
    case .showStats: self.init(ControlTarget.everyday, .gather)
    case .logLevel: self.init(ControlTarget.everyday, .agree)
    case .updateCertificates: self.init([.keys], .agree)
    // The queue remembers what is paused, also over a restart; the frontend carries this one out.
    case .pause(.smtp), .resume(.smtp): self.init([.queue, .frontend], .agree)
    case .showRelays: self.init([.delivery], .agree)
    case .updateTable, .explain: self.init([.lookup], .agree)
    case .showQueue, .showEnvelope, .showMessage, .showStatus, .schedule, .remove,
      .pauseEnvelopes, .resumeEnvelopes, .reassign, .discover, .pause, .resume, .verifyQueue,
      .quarantineList, .quarantineShow, .quarantineRestore, .more, .cancel:
      self.init([.queue], .agree)
    }
  }

  private init(_ targets: [ControlTarget], _ rule: Rule) {
    self.targets = targets
    self.rule = rule
  }
}
