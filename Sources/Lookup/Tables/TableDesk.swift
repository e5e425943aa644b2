// SPDX-License-Identifier: ISC

package import Configuration
internal import ControlProtocol
internal import Interprocess
internal import NIOCore
internal import NIOPosix
internal import Policy
internal import Synchronization

/// The files of tables: takes them from the supervisor at the start, and when an operator says so or another file
/// is in place of a map.
///
/// An update is done beside the event loop: the file is read, and what all tables say is made anew with it.
/// The loop only exchanges that for what it has, when all of the file could be read and is of use where it is
/// asked. Updates are done one after the other, in the order in which their files were opened, each from what
/// the one before it left: the newer of two counts.
final class TableDesk {
  /// An operator who waits.
  typealias Answer = (ControlResponse) -> Void
  /// Does something that may block or take long, one after the other.
  typealias Beside = (@escaping @Sendable () -> Void) -> Void

  /// Where the desk finds what tables say, and leaves it.
  struct Place {
    /// What counts now.
    let current: () -> LookupTables
    /// Takes what one table says into what counts now.
    let replace: (TableIndex, TableSource) throws(Ruleset.RefusedEntry) -> Void
    /// Exchanges what counts, in which one table says something else now, for what is given.
    let exchange: (TableIndex, inout LookupTables) -> Void
  }

  /// Why a file is not taken, in the operator's words behind the table's name.
  struct Fault: Error {
    let reason: String
  }

  /// A file that is to be read, and who waits for it.
  private struct Update {
    let file: TableFile
    let index: Int
    let token: UInt64
  }

  private let context: RoleContext
  private let tables: [TableDeclaration]
  private let place: Place
  private let beside: Beside
  /// The files that are awaited or read. Without an answer nobody waits for one.
  private var waiting: [UInt64: (index: Int, answer: Answer?)] = [:]
  private var lastToken: UInt64 = 0
  /// As many as the supervisor has files open for.
  private var updates: [Update] = []
  private var isUpdating = false

  /// - Parameter beside: by default a thread of the desk's own.
  init(
    context: RoleContext,
    tables: [TableDeclaration],
    place: Place,
    beside: Beside? = nil
  ) {
    self.context = context
    self.tables = tables
    self.place = place
    self.beside = beside ?? TableDesk.thread()
  }

  /// A thread that does one thing after the other.
  static func thread() -> Beside {
    let pool = NIOThreadPool(numberOfThreads: 1)
    pool.start()
    return { work in pool.submit { _ in work() } }
  }

  /// The operator wants a table to be read anew.
  func update(_ name: String, _ answer: @escaping Answer) {
    guard let index = tables.firstIndex(where: { $0.name == name }) else {
      return answer(.failure("there is no table \(name)"))
    }
    guard tables[index].file != nil else {
      return answer(.failure("table \(name) is not in a file"))
    }
    ask(for: index, answer)
  }

  /// Another file is there than the one that was opened last; the supervisor says so again until it has
  /// opened that.
  func changed(index: Int) {
    guard tables.indices.contains(index), !waiting.values.contains(where: { $0.index == index })
    else { return }
    ask(for: index, nil)
  }

  private func ask(for index: Int, _ answer: Answer?) {
    lastToken += 1
    waiting[lastToken] = (index, answer)
    context.tell(.openTable(index: UInt16(index), token: lastToken))
  }

  /// The supervisor opened a file.
  func received(index: Int, token: UInt64, _ descriptor: consuming Descriptor) {
    guard tables.indices.contains(index) else { return }
    let file = TableFile(descriptor)
    guard token != 0 else { return start(with: file, index) }
    updates.append(Update(file: file, index: index, token: token))
    begin()
  }

  private func begin() {
    guard !isUpdating, !updates.isEmpty else { return }
    isUpdating = true
    let update = updates.removeFirst()
    let declaration = tables[update.index]
    let handover = Handover(place.current())
    let loop = context.loop
    let done = NIOLoopBound(
      { [unowned self] (result: Result<Void, Fault>) in loaded(result, update, handover) },
      eventLoop: loop
    )
    beside {
      let result = Result { () throws(Fault) in
        try TableDesk.read(update.file, declaration, TableIndex(update.index), into: handover)
      }
      loop.execute { done.value(result) }
    }
  }

  private static func read(
    _ file: TableFile,
    _ declaration: TableDeclaration,
    _ index: TableIndex,
    into handover: Handover
  ) throws(Fault) {
    let source = try source(of: file, declaration)
    // Taken out, so that nothing is copied but what the loop has, too.
    guard var tables = handover.take() else { return }
    do throws(Ruleset.RefusedEntry) {
      try tables.replace(index, with: source)
    } catch {
      throw Fault(reason: "\(error)\(line(of: error.entry, in: file, declaration))")
    }
    handover.put(tables)
  }

  private static func source(
    of file: TableFile,
    _ declaration: TableDeclaration
  ) throws(Fault) -> TableSource {
    do throws(TableFile.Fault) {
      return try file.source(as: declaration.fileForm)
    } catch {
      throw Fault(reason: "\(error)")
    }
  }

  /// Reads a text again: who has no mistake in it needs no lines.
  private static func line(
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
    let text = "table \(tables[index].name): \(reason)"
    if let answer { return answer(.failure(text)) }
    context.log.warn("lookup: \(text); what it said before counts")
  }

  /// Before the role is asked anything.
  private func start(with file: TableFile, _ index: Int) {
    do throws(Fault) {
      let source = try TableDesk.source(of: file, tables[index])
      do throws(Ruleset.RefusedEntry) {
        try place.replace(TableIndex(index), source)
      } catch {
        let line = TableDesk.line(of: error.entry, in: file, tables[index])
        throw Fault(reason: "\(error)\(line)")
      }
    } catch {
      context.log.warn("lookup: table \(tables[index].name) \(error.reason); it cannot be asked")
    }
  }

  private func loaded(_ result: Result<Void, Fault>, _ update: Update, _ handover: Handover) {
    let name = tables[update.index].name
    let answer = waiting.removeValue(forKey: update.token)?.answer
    switch result {
    case .success:
      handover.exchange { place.exchange(TableIndex(update.index), &$0) }
      context.tell(.tableTaken(index: UInt16(update.index), token: update.token))
      context.log.line("info: lookup: table \(name) is updated")
      answer?(.done)
    case .failure(let fault):
      context.tell(.tableRefused(token: update.token))
      context.log.warn("lookup: table \(name) \(fault.reason); what it said before counts")
      answer?(.failure("table \(name) \(fault.reason)"))
    }
    // To give back the memory of a large table takes long, too.
    beside { _ = handover.take() }
    isUpdating = false
    begin()
  }
}

/// What tables say on its way between the loop and what is done beside it. Whoever takes it out is the only
/// one who has it.
private final class Handover: Sendable {
  private let tables: Mutex<LookupTables?>

  init(_ tables: LookupTables) { self.tables = Mutex(tables) }

  func take() -> LookupTables? { tables.withLock { $0.take() } }

  func put(_ new: LookupTables) { tables.withLock { $0 = new } }

  func exchange(_ body: (inout LookupTables) -> Void) {
    tables.withLock { tables in
      guard var new = tables.take() else { return }
      body(&new)
      tables = new
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
