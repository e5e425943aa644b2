// SPDX-License-Identifier: ISC

internal import Configuration
internal import Glibc
internal import Interprocess
internal import Lookup
internal import Policy
internal import Supervisor

/// The files of tables, opened here for lookup, which can open none: so a table may be for root only.
struct TableFiles: Sendable {
  private let projection: LookupProjection

  init(_ projection: LookupProjection) { self.projection = projection }

  private var tables: [TableDeclaration] { projection.tables }

  /// All of them, each of which must be a table that the rules can use.
  func open() throws(StartupFailure) -> [Int: CInt] {
    var (opened, maps) = ([Int: CInt](), [TableIndex: TableSource]())
    var faults: [TableJudge.Fault] = []
    for (index, table) in tables.enumerated() {
      guard let path = table.file else { continue }
      do throws(CommandRefusal) {
        let file = try open(index)
        opened[index] = file
        let copy = dup(file)
        guard copy >= 0 else { throw CommandRefusal(reason: systemError()) }
        let source = try TableFiles.source(TableFile(Descriptor(owning: copy)), table.fileForm)
        if case .map = source { maps[TableIndex(index)] = source }
      } catch {
        faults.append(TableJudge.Fault(TableIndex(index), reason: "\(path): \(error.reason)"))
      }
    }
    faults += refused(maps)
    guard faults.isEmpty else {
      TableFiles.close(opened)
      throw StartupFailure(
        lines: faults.map { "smtpd: table \(tables[$0.table.rawValue].name): \($0.reason)" }
      )
    }
    return opened
  }

  /// What `open` would find wrong, but for what is in texts, whose entries are looked at as they are read;
  /// `leavingOut` those at some paths.
  func faults(leavingOut isLeftOut: (String) -> Bool) -> [TableJudge.Fault] {
    var maps: [TableIndex: TableSource] = [:]
    var faults: [TableJudge.Fault] = []
    for (index, table) in tables.enumerated() {
      guard let path = table.file, !isLeftOut(path) else { continue }
      do throws(CommandRefusal) {
        let file = TableFile(Descriptor(owning: try open(index)))
        guard table.fileForm == .map else { continue }
        maps[TableIndex(index)] = try TableFiles.source(file, .map)
      } catch {
        faults.append(TableJudge.Fault(TableIndex(index), reason: "\(path): \(error.reason)"))
      }
    }
    return faults + refused(maps)
  }

  /// The maps that the rules cannot use. The entries of texts were looked at with the rules that ask them.
  private func refused(_ maps: [TableIndex: TableSource]) -> [TableJudge.Fault] {
    guard !maps.isEmpty else { return [] }
    return Ruleset(projection, files: maps).refusedEntries.compactMap { entry in
      guard let index = tables.firstIndex(where: { $0.name == entry.table }),
        maps[TableIndex(index)] != nil, let path = tables[index].file
      else { return nil }
      return TableJudge.Fault(TableIndex(index), reason: "\(path) \(entry)")
    }
  }

  /// The paths of maps, by the table's place: a text is read anew when an operator says so, a map whenever there
  /// is another one.
  var maps: [Int: String] {
    var paths: [Int: String] = [:]
    for (index, table) in tables.enumerated() where table.fileForm == .map {
      paths[index] = table.file
    }
    return paths
  }

  /// Ends what `open` gave.
  static func close(_ opened: [Int: CInt]) {
    for file in opened.values { _ = Descriptor(owning: file) }
  }

  private static func source(
    _ file: TableFile,
    _ form: TableFile.Form
  ) throws(CommandRefusal) -> TableSource {
    do throws(TableFile.Fault) {
      return try file.source(as: form)
    } catch {
      throw CommandRefusal(reason: "\(error)")
    }
  }

  /// One of them, anew.
  func open(_ index: Int) throws(CommandRefusal) -> CInt {
    guard tables.indices.contains(index), let path = tables[index].file else {
      throw CommandRefusal(reason: "it has no file")
    }
    var facts = stat()
    // To open a pipe lets its writer go on, and a device may do anything. The structure is written, and the path
    // read, during the call only.
    let outcome = unsafe stat(path, &facts)
    try TableFiles.expectRegular(facts, outcome)
    // Another file may have come. The path is read during the call only.
    let number = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard number >= 0 else { throw .ofCall() }
    let file = Descriptor(owning: number)
    // The structure is written during the call only.
    let found = unsafe fstat(file.borrow(), &facts)
    try TableFiles.expectRegular(facts, found)
    guard facts.st_mode & S_IWOTH == 0 else {
      throw CommandRefusal(reason: "everybody may write to it")
    }
    return file.release()
  }

  /// - Parameter outcome: what the call gave that filled in the facts.
  private static func expectRegular(_ facts: stat, _ outcome: CInt) throws(CommandRefusal) {
    guard outcome == 0 else { throw .ofCall() }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      throw CommandRefusal(reason: "not a regular file")
    }
  }
}
