// SPDX-License-Identifier: ISC

/// What looks at the values of tables: what they mean only whoever asks the tables knows.
package struct ValueJudge {
  /// Why nothing can ever come of a value that a service gives; nil when something can.
  let fault: (_ value: String, TableService) -> String?

  package init(fault: @escaping (_ value: String, TableService) -> String?) { self.fault = fault }
}

extension Parser {
  /// A map whose values are looked at.
  mutating func valueTable(_ service: TableService) throws(SyntaxFault) -> TableIndex {
    let (index, position) = try table(.map, for: service)
    guard let valueJudge,
      judgedValues.insert(JudgedValues(table: index, service: service)).inserted,
      case .map(let pairs)? = contents(of: index)
    else { return index }
    for pair in pairs {
      guard let reason = valueJudge.fault(pair.value, service) else { continue }
      let complaint = Complaint.value(key: pair.key, reason: reason)
      guard report(complaint, of: pair.key, .value, in: index, at: position) else { break }
    }
    return index
  }
}

/// A table whose values were looked at, for a service that asks it.
struct JudgedValues: Hashable {
  var table: TableIndex
  var service: TableService
}
