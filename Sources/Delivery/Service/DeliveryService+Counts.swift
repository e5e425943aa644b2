// SPDX-License-Identifier: ISC

extension DeliveryService {
  /// What is under way and what is remembered, by the names of `show stats`.
  package var counts: [(name: String, count: Int)] {
    let local = localCounts
    let relays = relayCounts
    // Each of them is a task of one envelope.
    let commands = local.running + local.waiting
    return [
      ("mda.envelope", commands),
      ("mda.pending", local.waiting),
      ("mda.running", local.running),
      ("mda.user", local.users),
      ("mta.connector", relays.connectors),
      ("mta.domain", relays.domains),
      ("mta.envelope", max(0, envelopesInFlight - commands)),
      ("mta.host", relays.hosts),
      ("mta.relay", relays.relays),
      ("mta.route", relays.routes),
      ("mta.session", relays.sessions),
      ("mta.source", relays.sources),
      ("mta.task", max(0, inFlight.count - commands)),
      ("mta.task.running", relays.busy),
    ]
  }
}
