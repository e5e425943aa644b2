// SPDX-License-Identifier: ISC

import ControlProtocol

/// The statistics that `monitor` shows, at one moment.
struct MonitorSample {
  /// How many lines there are between two headings.
  static let linesPerHeading = 25

  struct Column: Sendable {
    enum Kind {
      /// Shown as it is.
      case current
      /// Shown as the change since the last line.
      case change
    }

    let group: Int
    let label: String
    let key: String
    let kind: Kind
    /// The statistics that make up the value; those of `minus` are taken off.
    let plus: [String]
    var minus: [String] = []

    /// Wide enough for the label and for four digits.
    var width: Int { max(4, label.utf8.count) }
  }

  private static let groups = ["client", "envelope", "delivery", "other"]
  private static let connections = [
    "smtp.session.inet4", "smtp.session.inet6", "smtp.session.local",
  ]

  static let columns: [Column] = [
    Column(
      group: 0,
      label: "curr",
      key: "client_current",
      kind: .current,
      plus: ["smtp.session"]
    ),
    Column(group: 0, label: "conn", key: "client_connected", kind: .change, plus: connections),
    Column(
      group: 0,
      label: "disc",
      key: "client_disconnected",
      kind: .change,
      plus: connections,
      minus: ["smtp.session"]
    ),
    Column(
      group: 1,
      label: "curr",
      key: "envelope_current",
      kind: .current,
      plus: ["scheduler.envelope"]
    ),
    Column(
      group: 1,
      label: "enq",
      key: "envelope_enqueued",
      kind: .change,
      plus: ["queue.envelope.enqueued"]
    ),
    Column(
      group: 1,
      label: "deq",
      key: "envelope_dequeued",
      kind: .change,
      plus: ["queue.envelope.dequeued"]
    ),
    Column(
      group: 2,
      label: "ok",
      key: "delivery_ok",
      kind: .change,
      plus: ["scheduler.delivery.ok"]
    ),
    Column(
      group: 2,
      label: "tmpfail",
      key: "delivery_tempfail",
      kind: .change,
      plus: ["scheduler.delivery.tempfail"]
    ),
    Column(
      group: 2,
      label: "prmfail",
      key: "delivery_permfail",
      kind: .change,
      plus: ["scheduler.delivery.permfail"]
    ),
    Column(
      group: 2,
      label: "loop",
      key: "delivery_loop",
      kind: .change,
      plus: ["scheduler.delivery.loop"]
    ),
    Column(
      group: 3,
      label: "expire",
      key: "expired",
      kind: .change,
      plus: ["scheduler.envelope.expired"]
    ),
    Column(
      group: 3,
      label: "remove",
      key: "removed",
      kind: .change,
      plus: ["scheduler.envelope.removed"]
    ),
    Column(group: 3, label: "bounce", key: "bounced", kind: .change, plus: ["queue.bounce"]),
  ]

  private var values: [String: Int64] = [:]

  /// Everything at zero: what the first line is compared with.
  init() {}

  init(_ statistics: [Statistic]) {
    for statistic in statistics { values[statistic.name] = statistic.value }
  }

  /// Takes what it lacks from an earlier one.
  mutating func fill(from last: MonitorSample) { values.merge(last.values) { own, _ in own } }

  func value(of column: Column, since last: MonitorSample) -> Int64 {
    switch column.kind {
    case .current: total(column)
    case .change: total(column) - last.total(column)
    }
  }

  private func total(_ column: Column) -> Int64 {
    column.plus.reduce(0) { $0 + values[$1, default: 0] }
      - column.minus.reduce(0) { $0 + values[$1, default: 0] }
  }

  func append(since last: MonitorSample, to bytes: inout [UInt8]) {
    for (index, column) in MonitorSample.columns.enumerated() {
      if index > 0 { bytes.append(text: MonitorSample.gap(before: index)) }
      var digits: [UInt8] = []
      digits.append(decimal: value(of: column, since: last))
      bytes.append(contentsOf: MonitorSample.padding(column.width - digits.count))
      bytes.append(contentsOf: digits)
    }
    bytes.append(UInt8(ascii: "\n"))
  }

  /// Two lines, with an empty one before them unless they are the first.
  static func appendHeading(afterLines lines: Int, to bytes: inout [UInt8]) {
    if lines > 0 { bytes.append(UInt8(ascii: "\n")) }
    for (group, title) in groups.enumerated() {
      if group > 0 { bytes.append(text: "  ") }
      let widths = columns.filter { $0.group == group }.map(\.width)
      let free = widths.reduce(widths.count - 1, +) - title.utf8.count - 2
      bytes.append(contentsOf: repeatElement(UInt8(ascii: "-"), count: free / 2))
      bytes.append(text: " \(title) ")
      bytes.append(contentsOf: repeatElement(UInt8(ascii: "-"), count: free - free / 2))
    }
    bytes.append(UInt8(ascii: "\n"))
    for (index, column) in columns.enumerated() {
      if index > 0 { bytes.append(text: gap(before: index)) }
      bytes.append(contentsOf: padding(column.width - column.label.utf8.count))
      bytes.append(text: column.label)
    }
    bytes.append(UInt8(ascii: "\n"))
  }

  private static func gap(before index: Int) -> String {
    columns[index].group == columns[index - 1].group ? " " : "  "
  }

  private static func padding(_ count: Int) -> Repeated<UInt8> {
    repeatElement(UInt8(ascii: " "), count: max(0, count))
  }
}
