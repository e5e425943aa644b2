// SPDX-License-Identifier: ISC

package import Configuration
internal import ControlProtocol
internal import Interprocess
internal import NIOCore
internal import NIOPosix
internal import Policy

/// The files of tables: takes them from the supervisor at the start and when an operator says so.
///
/// A file is read beside the event loop; what it says is taken only when all of it could be read, and is
/// of use where it is asked.
final class TableDesk {
  /// An operator who waits.
  typealias Answer = (ControlResponse) -> Void
  /// Takes what a table says from now on.
  typealias Take = (TableIndex, TableSource) throws(Ruleset.RefusedEntry) -> Void

  private let context: RoleContext
  private let tables: [TableDeclaration]
  private let pool = NIOThreadPool(numberOfThreads: 1)
  private let take: Take
  private var waiting: [UInt64: (index: Int, answer: Answer)] = [:]
  private var lastToken: UInt64 = 0

  init(
    context: RoleContext,
    tables: [TableDeclaration],
    take: @escaping Take
  ) {
    self.context = context
    self.tables = tables
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
    let form = tables[index].fileForm
    let loop = context.loop
    let done = NIOLoopBound(
      { [unowned self] (result: Result<TableSource, TableFile.Fault>) in
        loaded(result, index: index, token: token)
      },
      eventLoop: loop
    )
    pool.submit { _ in
      let result = Result { () throws(TableFile.Fault) in try file.source(as: form) }
      loop.execute { done.value(result) }
    }
  }

  /// The supervisor cannot open a file.
  func failed(index: Int, token: UInt64, reason: String) {
    guard let (index, answer) = waiting.removeValue(forKey: token) else { return }
    answer(.failure("table \(tables[index].name): \(reason)"))
  }

  private func start(with file: TableFile, _ index: Int) {
    let result = Result { () throws(TableFile.Fault) in
      try file.source(as: tables[index].fileForm)
    }
    if let fault = fault(in: result, index) {
      context.log.warn("lookup: table \(tables[index].name) \(fault); it cannot be asked")
    }
  }

  /// Takes what was read; nil when that is done.
  private func fault(in result: Result<TableSource, TableFile.Fault>, _ index: Int) -> String? {
    switch result {
    case .failure(let fault): return "\(fault)"
    case .success(let source):
      do throws(Ruleset.RefusedEntry) {
        try take(TableIndex(index), source)
        return nil
      } catch {
        return "\(error)"
      }
    }
  }

  private func loaded(
    _ result: Result<TableSource, TableFile.Fault>,
    index: Int,
    token: UInt64
  ) {
    let name = tables[index].name
    let answer = waiting.removeValue(forKey: token)?.answer
    guard let fault = fault(in: result, index) else {
      context.tell(.tableTaken(index: UInt16(index), token: token))
      context.log.line("info: lookup: table \(name) is updated")
      answer?(.done)
      return
    }
    context.tell(.tableRefused(token: token))
    context.log.warn("lookup: table \(name) \(fault); what it said before counts")
    answer?(.failure("table \(name) \(fault)"))
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
