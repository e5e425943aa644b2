// SPDX-License-Identifier: ISC

package import Configuration
internal import ControlProtocol
internal import Interprocess
internal import NIOCore
internal import NIOPosix
internal import Policy

/// The files of tables: takes them from the supervisor at the start and when an operator says so.
///
/// A file is read beside the event loop, and made ready there for all that asks its table; what it says is
/// taken only when all of it could be read, and is of use where it is asked. The loop puts it beside what the
/// other tables have.
final class TableDesk {
  /// An operator who waits.
  typealias Answer = (ControlResponse) -> Void
  /// Takes what a table says from now on.
  typealias Take = (Content) -> Void

  /// What a table says.
  struct Content: Sendable {
    let index: TableIndex
    let source: TableSource
    /// The same, for the ruleset.
    let ready: ReadyTable
  }

  /// Why a file is not taken, in the operator's words behind the table's name.
  struct Fault: Error {
    let reason: String
  }

  private let context: RoleContext
  private let tables: [TableDeclaration]
  private let preparation: TablePreparation
  private let pool = NIOThreadPool(numberOfThreads: 1)
  private let take: Take
  private var waiting: [UInt64: (index: Int, answer: Answer)] = [:]
  private var lastToken: UInt64 = 0

  init(
    context: RoleContext,
    tables: [TableDeclaration],
    preparation: TablePreparation,
    take: @escaping Take
  ) {
    self.context = context
    self.tables = tables
    self.preparation = preparation
    self.take = take
    pool.start()
  }

  /// The operator wants a table to be read anew.
  func update(_ name: String, _ answer: @escaping Answer) {
    guard let index = tables.firstIndex(where: { $0.name == name }) else {
      return answer(.failure("there is no table \(name)"))
    }
    guard tables[index].file != nil else {
      return answer(.failure("table \(name) is not in a file"))
    }
    lastToken += 1
    waiting[lastToken] = (index, answer)
    context.tell(.openTable(index: UInt16(index), token: lastToken))
  }

  /// The supervisor opened a file.
  func received(index: Int, token: UInt64, _ descriptor: consuming Descriptor) {
    guard tables.indices.contains(index) else { return }
    let file = TableFile(descriptor)
    guard token != 0 else { return start(with: file, index) }
    let declaration = tables[index]
    let preparation = preparation
    let loop = context.loop
    let done = NIOLoopBound(
      { [unowned self] (result: Result<Content, Fault>) in
        loaded(result, index: index, token: token)
      },
      eventLoop: loop
    )
    pool.submit { _ in
      let result = Result { () throws(Fault) in
        try TableDesk.content(of: file, declaration, TableIndex(index), preparation)
      }
      loop.execute { done.value(result) }
    }
  }

  private static func content(
    of file: TableFile,
    _ declaration: TableDeclaration,
    _ index: TableIndex,
    _ preparation: TablePreparation
  ) throws(Fault) -> Content {
    let source: TableSource
    do throws(TableFile.Fault) {
      source = try file.source(as: declaration.fileForm)
    } catch {
      throw Fault(reason: "\(error)")
    }
    do throws(Ruleset.RefusedEntry) {
      return Content(
        index: index,
        source: source,
        ready: try preparation.prepare(index, source)
      )
    } catch {
      throw Fault(reason: "\(error)\(place(of: error.entry, in: file, declaration))")
    }
  }

  /// Reads a text again: who has no mistake in it needs no lines.
  private static func place(
    of entry: String,
    in file: TableFile,
    _ declaration: TableDeclaration
  ) -> String {
    guard case .file(let path) = declaration.content, let line = file.line(of: entry) else {
      return ""
    }
    return " (\(path):\(line))"
  }

  /// The supervisor cannot open a file.
  func failed(index: Int, token: UInt64, reason: String) {
    guard let (index, answer) = waiting.removeValue(forKey: token) else { return }
    answer(.failure("table \(tables[index].name): \(reason)"))
  }

  private func start(with file: TableFile, _ index: Int) {
    do throws(Fault) {
      take(
        try TableDesk.content(of: file, tables[index], TableIndex(index), preparation)
      )
    } catch {
      context.log.warn("lookup: table \(tables[index].name) \(error.reason); it cannot be asked")
    }
  }

  private func loaded(_ result: Result<Content, Fault>, index: Int, token: UInt64) {
    let name = tables[index].name
    let answer = waiting.removeValue(forKey: token)?.answer
    switch result {
    case .success(let content):
      take(content)
      context.tell(.tableTaken(index: UInt16(index), token: token))
      context.log.line("info: lookup: table \(name) is updated")
      answer?(.done)
    case .failure(let fault):
      context.tell(.tableRefused(token: token))
      context.log.warn("lookup: table \(name) \(fault.reason); what it said before counts")
      answer?(.failure("table \(name) \(fault.reason)"))
    }
  }
}

extension TableDeclaration {
  /// The file that its entries are in; nil when they are in none.
  package var file: String? {
    switch content {
    case .file(let path), .database(let path): path
    case .list, .map, .systemAccounts, .helper: nil
    }
  }

  /// What kind of file that has to be.
  package var fileForm: TableFile.Form {
    if case .database = content { .map } else { .text }
  }
}
