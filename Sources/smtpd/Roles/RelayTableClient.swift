// SPDX-License-Identifier: ISC

internal import Configuration
internal import Delivery
internal import Interprocess
internal import Mail
internal import NIOCore

/// Asks lookup what the tables of relays say. Questions outlive a lookup that dies: the next one gets them.
final class RelayTableClient {
  private enum Limits {
    /// How long questions wait for another lookup, in seconds.
    static let patience: Int64 = 30
  }

  private struct Question {
    let action: String
    let domain: String
  }

  private let context: RoleContext
  private var edge: LookupClient.LookupEdge?
  /// By task.
  private var open: [UInt64: Question] = [:]
  /// Told the answer to each question once.
  var answer: (_ task: UInt64, RelayAnswer) -> Void = { _, _ in }

  init(_ context: RoleContext) { self.context = context }

  /// Another lookup is there: it is asked what the last one has not answered.
  func connected(_ edge: LookupClient.LookupEdge) {
    self.edge = edge
    for (task, question) in open { send(task, question) }
  }

  /// The edge has ended.
  func lost() {
    edge = nil
    watch()
  }

  func ask(_ task: UInt64, action: String, domain: String) {
    let question = Question(action: action, domain: domain)
    open[task] = question
    if edge == nil { watch() } else { send(task, question) }
  }

  private func send(_ task: UInt64, _ question: Question) {
    edge?.send(.relay(token: task, action: question.action, domain: question.domain))
  }

  func answered(_ task: UInt64, _ facts: RelayFacts) {
    answered(task, RelayTableClient.answer(facts))
  }

  func answered(_ task: UInt64, _ result: RelayAnswer) {
    guard open.removeValue(forKey: task) != nil else { return }
    answer(task, result)
  }

  /// Without a lookup the tasks are deferred after a while.
  private func watch() {
    context.loop.assumeIsolated().scheduleTask(in: .seconds(Limits.patience)) { [unowned self] in
      guard edge == nil else { return }
      for task in Array(open.keys) { answered(task, .refused("Tables cannot be asked now")) }
    }
  }

  private static func answer(_ facts: RelayFacts) -> RelayAnswer {
    var host: SmartHost?
    if let text = facts.host {
      guard let url = try? RelayURL(parsing: text), let smart = SmartHost(url) else {
        return .refused("\(DeliveryText.sanitized(text)) is no relay URL")
      }
      host = smart
    }
    return .facts(
      host: host,
      sources: facts.sources,
      heloNames: Dictionary(
        facts.heloNames.map { ($0.address, $0.name) },
        uniquingKeysWith: { first, _ in first }
      )
    )
  }
}
