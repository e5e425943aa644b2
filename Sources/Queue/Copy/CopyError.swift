// SPDX-License-Identifier: ISC

/// Why a copy between two stores stopped.
package enum CopyError: Error, Equatable, Sendable {
  case source(StoreError)
  case destination(StoreError)
  /// The destination has mail that is not from an unfinished copy.
  case notEmpty
  /// The destination has an unfinished copy of another queue, which it names.
  case otherSource(String)
  /// The source is itself an unfinished copy of the queue named.
  case unfinishedSource(String)
  /// The source's mail is served from the store named.
  case moved(to: String)
  /// What was copied is not what is there now.
  case differs(record: String)
}

extension CopyError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .source(let error): "source: \(error)"
    case .destination(let error): "destination: \(error)"
    case .notEmpty: "the destination is not empty"
    case .otherSource(let name): "the destination has an unfinished copy of \(name)"
    case .unfinishedSource(let name): "the source is an unfinished copy of \(name)"
    case .moved(let place): "the source's mail was moved to \(place)"
    case .differs(let record): "\(record) differs after copying"
    }
  }
}
