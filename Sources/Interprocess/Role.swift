// SPDX-License-Identifier: ISC

/// The duties of the server: one process each.
package enum Role: String, CaseIterable, Sendable {
  case supervisor
  case accounts
  case frontend
  case lookup
  case resolver
  case queue
  case delivery
  case keys
  case control

  /// The roles that the supervisor starts.
  package static let started: [Role] = [
    .accounts, .keys, .resolver, .queue, .lookup, .delivery, .frontend, .control,
  ]

  /// Which roles talk to each other, each pair once.
  package static let edges: [(Role, Role)] = [
    (.frontend, .lookup), (.frontend, .queue), (.frontend, .resolver),
    (.lookup, .queue), (.lookup, .accounts), (.lookup, .resolver),
    (.queue, .delivery), (.delivery, .resolver), (.delivery, .lookup),
    (.frontend, .keys), (.delivery, .keys), (.control, .keys),
    (.control, .queue), (.control, .frontend), (.control, .delivery), (.control, .lookup),
  ]
}
