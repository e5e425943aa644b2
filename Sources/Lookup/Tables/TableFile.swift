// SPDX-License-Identifier: ISC

package import Configuration
internal import Glibc
package import Interprocess
package import Policy

/// The open file of a table, which only its descriptor leads to. Reading blocks.
package final class TableFile: Sendable {
  /// Why a file is no table.
  package enum Fault: Error, Hashable, Sendable {
    case unreadable
    case tooLarge
    case text(TableContents.Fault)
    case map(MapFile.Fault)
  }

  /// What bounds the reading of a table.
  package enum Limits {
    /// Bytes of a text.
    package static let text = 64 << 20
  }

  private let descriptor: Descriptor

  package init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

  /// What kind of file a table is in.
  package enum Form: Sendable {
    case text
    /// What makemap makes.
    case map
  }

  /// What the table's entries are taken from: a map for as long as the file is kept, or the text.
  package func source(as form: Form) throws(Fault) -> TableSource {
    guard form == .map else { return try text() }
    do throws(MapFile.Fault) {
      return .map(try MapFile { self.read($0, $1) })
    } catch {
      throw .map(error)
    }
  }

  private func text() throws(Fault) -> TableSource {
    guard let size = size() else { throw .unreadable }
    guard size <= Limits.text else { throw .tooLarge }
    guard let bytes = read(0, size) else { throw .unreadable }
    do throws(TableContents.Fault) {
      return .contents(try TableContents(parsing: bytes))
    } catch {
      throw .text(error)
    }
  }

  /// The line of a text that has this key, from 1; nil when there is none.
  package func line(of key: String) -> Int? {
    guard let size = size(), size <= Limits.text, let bytes = read(0, size) else { return nil }
    return TableContents.lines(in: bytes)[key]
  }

  private func size() -> Int? {
    var facts = stat()
    // The structure is written during the call only.
    guard unsafe fstat(descriptor.borrow(), &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return Int(facts.st_size)
  }

  /// Exactly so many bytes, or nil.
  package func read(_ offset: UInt64, _ count: Int) -> [UInt8]? {
    guard count >= 0, let start = off_t(exactly: offset), start <= off_t.max - off_t(count) else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      // The rest of the array, which `count - done` bytes fill.
      let step = unsafe bytes.withUnsafeMutableBytes { buffer in
        let rest = unsafe buffer.baseAddress.map { unsafe $0 + done }
        return unsafe pread(descriptor.borrow(), rest, count - done, start + off_t(done))
      }
      if step < 0, errno == EINTR { continue }
      guard step > 0 else { return nil }
      done += step
    }
    return bytes
  }
}

extension TableFile.Fault: CustomStringConvertible {
  /// For the operator.
  package var description: String {
    switch self {
    case .unreadable: "cannot be read"
    case .tooLarge: "is larger than \(TableFile.Limits.text) bytes"
    case .text(.notText(let line)): "line \(line): not UTF-8"
    case .text(.keyTooLong(let line)):
      "line \(line): a key of more than \(TableContents.Limits.key) bytes"
    case .text(.valueMissing(let line, let key)): "line \(line): \(key) has no value"
    case .text(.addressTakenForPair(let line, let key, let address)):
      "line \(line): \(key) has no value, which line \(address) has for its colon"
    case .map(let fault): "\(fault)"
    }
  }
}
