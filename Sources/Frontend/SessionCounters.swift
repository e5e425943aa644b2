// SPDX-License-Identifier: ISC

internal import Configuration
internal import ControlProtocol
internal import Interprocess
internal import Mail

/// How many sessions there have been since the start, by where they came from, and how many are encrypted
/// now, by how.
struct SessionCounters {
  private(set) var local = 0
  private(set) var inet4 = 0
  private(set) var inet6 = 0
  /// By STARTTLS.
  private(set) var upgraded = 0
  /// From the first byte.
  private(set) var immediate = 0

  mutating func begun(_ source: SourceAddress) {
    switch source {
    case .local: local += 1
    case .inet4: inet4 += 1
    case .inet6: inet6 += 1
    }
  }

  /// A session's handshake went well.
  mutating func secured(_ encryption: Listener.Security.Encryption) {
    if encryption == .immediate { immediate += 1 } else { upgraded += 1 }
  }

  /// A session that was `secured` ended.
  mutating func ended(_ encryption: Listener.Security.Encryption) {
    if encryption == .immediate { immediate -= 1 } else { upgraded -= 1 }
    assert(immediate >= 0 && upgraded >= 0)
  }
}

/// Answers control's questions about the sessions.
final class FrontendStatistics {
  private unowned let service: FrontendService
  private var edge: Edge<RoleToControl, ControlToRole>?

  init(_ service: FrontendService) { self.service = service }

  func connect(_ descriptor: CInt) {
    // Of one that is closed here no end is told, which would take the new one away.
    edge?.close()
    edge = Edge(
      descriptor: descriptor,
      peer: .control,
      on: service.context.loop,
      receive: { [unowned self] message in
        edge?.send(RoleToControl(id: message.id, answer(to: message.request)))
      },
      ended: { [unowned self] _ in edge = nil }
    )
  }

  private func answer(to request: ControlRequest) -> ControlResponse {
    switch request {
    case .showStats: .statistics(rows)
    // The queue remembers a pause and tells the frontend over their own edge.
    case .pause, .resume: .done
    default:
      service.context.commonAnswer(to: request) ?? .failure("not a question for the frontend")
    }
  }

  private var rows: [Statistic] {
    let counters = service.counters
    return [
      Statistic("smtp.session", Int64(service.openSessions)),
      Statistic("smtp.session.inet4", Int64(counters.inet4)),
      Statistic("smtp.session.inet6", Int64(counters.inet6)),
      Statistic("smtp.session.local", Int64(counters.local)),
      Statistic("smtp.smtps", Int64(counters.immediate)),
      Statistic("smtp.tls", Int64(counters.upgraded)),
    ]
  }
}
