// SPDX-License-Identifier: ISC

internal import Configuration
internal import Glibc
internal import Interprocess
internal import Lookup
internal import Supervisor

/// The files of tables, opened here for lookup, which can open none: so a table may be for root only.
struct TableFiles: Sendable {
  private let tables: [TableDeclaration]

  init(_ tables: [TableDeclaration]) { self.tables = tables }

  /// All of them, each of which must be a table.
  func open() throws(StartupFailure) -> [Int: CInt] {
    var opened: [Int: CInt] = [:]
    for (index, table) in tables.enumerated() {
      guard let path = table.file else { continue }
      do throws(CommandRefusal) {
        let file = try open(index)
        opened[index] = file
        let copy = dup(file)
        guard copy >= 0 else { throw CommandRefusal(reason: systemError()) }
        try TableFiles.check(TableFile(Descriptor(owning: copy)), table.fileForm)
      } catch {
        throw StartupFailure("table \(table.name): \(path): \(error.reason)")
      }
    }
    return opened
  }

  private static func check(
    _ file: TableFile,
    _ form: TableFile.Form
  ) throws(CommandRefusal) {
    do throws(TableFile.Fault) {
      _ = try file.source(as: form)
    } catch {
      throw CommandRefusal(reason: "\(error)")
    }
  }

  /// One of them, anew.
  func open(_ index: Int) throws(CommandRefusal) -> CInt {
    guard tables.indices.contains(index), let path = tables[index].file else {
      throw CommandRefusal(reason: "it has no file")
    }
    // A path is read during the call only.
    let number = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard number >= 0 else { throw CommandRefusal(reason: systemError()) }
    let file = Descriptor(owning: number)
    var facts = stat()
    // The structure is written during the call only.
    guard unsafe fstat(file.borrow(), &facts) == 0 else {
      throw CommandRefusal(reason: systemError())
    }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      throw CommandRefusal(reason: "not a regular file")
    }
    guard facts.st_mode & S_IWOTH == 0 else {
      throw CommandRefusal(reason: "everybody may write to it")
    }
    return file.release()
  }
}
