// SPDX-License-Identifier: ISC

package import Configuration

/// What a table's entries are taken from.
package enum TableSource: Sendable {
  /// All of them, in memory.
  case contents(TableContents)
  /// A map that makemap(8) made, of which only what is asked for is read.
  case map(MapFile)
  /// It could not be read.
  case unavailable

  /// Nil where the entries are in a file.
  init?(_ content: TableDeclaration.Content) {
    switch content {
    case .list(let keys): self = .contents(.list(keys))
    case .map(let pairs): self = .contents(.map(pairs))
    case .file, .database, .helper, .systemAccounts: return nil
    }
  }

  /// Every key, sorted; nil when they cannot be read.
  var keys: [String]? {
    switch self {
    case .contents(let contents): contents.keys
    case .map(let file): try? file.entries().map(\.key)
    case .unavailable: nil
    }
  }
}

/// A table that cannot be asked now.
struct UnavailableTable: Error, Hashable {
  var name: String
}

/// A table that is asked for the values of exact keys, in lower case as those of files are.
enum TableMap: Sendable {
  case dictionary([String: String])
  case file(MapFile)
  case unavailable

  /// Why there is no answer.
  struct Unavailable: Error {}

  init(_ source: TableSource) {
    switch source {
    case .contents(.list(let keys)):
      var values: [String: String] = [:]
      values.reserveCapacity(keys.count)
      for key in keys { values[key.lowercased()] = "" }
      self = .dictionary(values)
    case .contents(.map(let pairs)):
      var values: [String: String] = [:]
      values.reserveCapacity(pairs.count)
      for pair in pairs { values[pair.key.lowercased()] = pair.value }
      self = .dictionary(values)
    case .map(let file): self = .file(file)
    case .unavailable: self = .unavailable
    }
  }

  /// Nil when there is no such key.
  func value(of key: String) throws(Unavailable) -> String? {
    switch self {
    case .dictionary(let values): return values[key]
    case .file(let file):
      do throws(MapFile.Fault) {
        return try file.value(of: key)
      } catch {
        throw Unavailable()
      }
    case .unavailable: throw Unavailable()
    }
  }
}

extension TableMap {
  /// How many keys there are; none where they cannot be read.
  var count: Int {
    switch self {
    case .dictionary(let values): values.count
    case .file(let file): file.count
    case .unavailable: 0
    }
  }

  /// Every value; nil when they cannot be read.
  var values: [String]? {
    switch self {
    case .dictionary(let values): Array(values.values)
    case .file(let file): try? file.entries().map(\.value)
    case .unavailable: nil
    }
  }

  /// Every key with its value; nil when they cannot be read.
  var pairs: [TableDeclaration.Pair]? {
    switch self {
    case .dictionary(let values): values.map { TableDeclaration.Pair(key: $0, value: $1) }
    case .file(let file): try? file.entries()
    case .unavailable: nil
    }
  }
}
