// SPDX-License-Identifier: ISC

/// The nodes of a `MemoryDisk`, each as it is now and as a power cut would leave it.
struct MemoryDiskState: Sendable {
  static let sector = 512

  struct File: Sendable {
    var current: [UInt8] = []
    var durable: [UInt8] = []
    var pending: [Step] = []
  }

  enum Step: Sendable {
    case write(Int, [UInt8])
    case truncate(Int)
  }

  struct Directory: Sendable {
    var current: [String: Int] = [:]
    var durable: [String: Int] = [:]
  }

  enum Node: Sendable {
    case file(File)
    case directory(Directory)
  }

  struct Handle: Sendable {
    var node: Int
    var path: String
    var hasLock = false
  }

  /// One atomic change of names that is not durable yet.
  struct NameStep: Sendable {
    struct Edit: Sendable {
      var directory: Int
      var name: String
      var node: Int?
    }
    var edits: [Edit]
  }

  var nodes: [Int: Node] = [0: .directory(Directory())]
  var nextNode = 1
  var handles: [Int32: Handle] = [:]
  var nextHandle: Int32 = 1
  var names: [NameStep] = []
  var locks: Set<Int> = []
  var fault = MemoryDisk.Fault.none
  /// The kind of operation that fails, and how often it still will.
  var failing: (operation: String, times: Int)?
  /// Paths that cannot be opened, listed or moved.
  var refusals: [String: Int32] = [:]
  /// Directories in which nothing can be looked up.
  var unsearchable: [String: Int32] = [:]
  var hasPower = true
  var operations = 0
  var bytesRead = 0
  var trace: [String] = []
  var space = DiskSpace(
    bytes: 1 << 40,
    bytesAvailable: 1 << 39,
    inodes: 1 << 30,
    inodesAvailable: 1 << 29
  )

  static func error(_ operation: String, _ path: String, _ errno: Int32) -> DiskError {
    let explanation =
      switch errno {
      case 2: "No such file or directory"
      case 13: "Permission denied"
      case 17: "File exists"
      case 28: "No space left on device"
      case 39: "Directory not empty"
      default: "Input/output error"
      }
    return DiskError(operation: operation, path: path, errno: errno, explanation: explanation)
  }

  private func requirePower(_ operation: String, _ path: String) throws(DiskError) {
    guard hasPower else { throw MemoryDiskState.error(operation, path, 5) }
  }

  private func requireAccess(_ operation: String, _ path: String) throws(DiskError) {
    if let errno = refusals[path] { throw MemoryDiskState.error(operation, path, errno) }
  }

  private func requireSearch(
    _ operation: String,
    _ path: String,
    in directory: String
  ) throws(DiskError) {
    guard let errno = unsearchable[directory] else { return }
    throw MemoryDiskState.error(operation, path, errno)
  }

  /// Counts and traces an operation. Returns the error it is to fail with, if any.
  private mutating func begin(
    _ operation: String,
    _ path: String,
    _ detail: String = ""
  ) throws(DiskError) -> DiskError? {
    try requirePower(operation, path)
    operations += 1
    trace.append(detail.isEmpty ? "\(operation) \(path)" : "\(operation) \(path) \(detail)")
    switch fault {
    case .powerCut(let at) where operations == at:
      hasPower = false
      return MemoryDiskState.error(operation, path, 5)
    case .failure(let at, let times, let errno) where operations >= at:
      if operations == at { failing = (operation, times) }
      guard let now = failing, now.operation == operation, now.times > 0 else { return nil }
      failing = (operation, now.times - 1)
      return MemoryDiskState.error(operation, path, errno)
    case .failureFrom(let at, let errno) where operations >= at:
      return MemoryDiskState.error(operation, path, errno)
    case .full where operation == "create" || operation == "mkdir":
      return MemoryDiskState.error(operation, path, 28)
    default: return nil
    }
  }

  func find(_ path: String, _ operation: String) throws(DiskError) -> Int {
    var node = 0
    var walked = ""
    for part in path.split(separator: "/") {
      try requireSearch(operation, path, in: walked)
      walked += walked.isEmpty ? "\(part)" : "/\(part)"
      guard case .directory(let directory)? = nodes[node] else {
        throw MemoryDiskState.error(operation, path, 20)
      }
      guard let next = directory.current[String(part)] else {
        throw MemoryDiskState.error(operation, path, 2)
      }
      node = next
    }
    return node
  }

  private func place(
    _ path: String,
    _ operation: String
  ) throws(DiskError) -> (directory: Int, name: String, node: Int?) {
    let parent = try find(parentDirectory(of: path), operation)
    try requireSearch(operation, path, in: parentDirectory(of: path))
    guard case .directory(let content)? = nodes[parent], let name = path.split(separator: "/").last
    else { throw MemoryDiskState.error(operation, path, 20) }
    return (parent, String(name), content.current[String(name)])
  }

  private mutating func edit(_ edits: [NameStep.Edit]) {
    for edit in edits {
      guard case .directory(var directory)? = nodes[edit.directory] else { continue }
      directory.current[edit.name] = edit.node
      nodes[edit.directory] = .directory(directory)
    }
    names.append(NameStep(edits: edits))
  }

  private mutating func settle(_ step: NameStep) {
    for edit in step.edits {
      guard case .directory(var directory)? = nodes[edit.directory] else { continue }
      directory.durable[edit.name] = edit.node
      nodes[edit.directory] = .directory(directory)
    }
  }

  mutating func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> OpenFile {
    let node: Int
    if mode == .create {
      let place = try place(path, "open")
      guard place.node == nil else { throw MemoryDiskState.error("open", path, 17) }
      if let failure = try begin("create", path), hasPower { throw failure }
      node = nextNode
      nextNode += 1
      nodes[node] = .file(File())
      edit([.init(directory: place.directory, name: place.name, node: node)])
      try requirePower("open", path)
    } else {
      try requirePower("open", path)
      try requireAccess("open", path)
      node = try find(path, "open")
      guard case .file? = nodes[node] else { throw MemoryDiskState.error("open", path, 21) }
    }
    let number = nextHandle
    nextHandle += 1
    handles[number] = Handle(node: node, path: path)
    return OpenFile(number: number)
  }

  mutating func close(_ file: OpenFile) {
    unlock(file)
    handles[file.number] = nil
  }

  mutating func unlock(_ file: OpenFile) {
    guard let handle = handles[file.number], handle.hasLock else { return }
    locks.remove(handle.node)
    handles[file.number]?.hasLock = false
  }

  mutating func rename(_ path: String, _ target: String) throws(DiskError) {
    try requireAccess("rename", path)
    let from = try place(path, "rename")
    let to = try place(target, "rename")
    guard let node = from.node else { throw MemoryDiskState.error("rename", path, 2) }
    if let old = to.node, case .directory(let content)? = nodes[old], !content.current.isEmpty {
      throw MemoryDiskState.error("rename", target, 39)
    }
    if let failure = try begin("rename", path, "to \(target)"), hasPower { throw failure }
    edit([
      .init(directory: from.directory, name: from.name, node: nil),
      .init(directory: to.directory, name: to.name, node: node),
    ])
    try requirePower("rename", path)
  }

  mutating func remove(_ path: String, _ operation: String) throws(DiskError) {
    try requirePower(operation, path)
    let place = try place(path, operation)
    guard let node = place.node else { throw MemoryDiskState.error(operation, path, 2) }
    switch nodes[node] {
    case .directory(let content)?:
      guard operation == "rmdir" else { throw MemoryDiskState.error(operation, path, 21) }
      guard content.current.isEmpty else { throw MemoryDiskState.error(operation, path, 39) }
    default:
      guard operation == "unlink" else { throw MemoryDiskState.error(operation, path, 20) }
    }
    if let failure = try begin(operation, path), hasPower { throw failure }
    edit([.init(directory: place.directory, name: place.name, node: nil)])
    try requirePower(operation, path)
  }

  mutating func makeDirectory(_ path: String) throws(DiskError) {
    try requirePower("mkdir", path)
    let place = try place(path, "mkdir")
    guard place.node == nil else { throw MemoryDiskState.error("mkdir", path, 17) }
    if let failure = try begin("mkdir", path), hasPower { throw failure }
    nodes[nextNode] = .directory(Directory())
    edit([.init(directory: place.directory, name: place.name, node: nextNode)])
    nextNode += 1
    try requirePower("mkdir", path)
  }

  func list(_ path: String) throws(DiskError) -> [DiskEntry] {
    try requirePower("list", path)
    try requireAccess("list", path)
    guard case .directory(let directory)? = nodes[try find(path, "list")] else {
      throw MemoryDiskState.error("list", path, 20)
    }
    return directory.current.map { name, node in
      if case .directory? = nodes[node] { return DiskEntry(name: name, kind: .directory) }
      return DiskEntry(name: name, kind: .file)
    }
  }

  func facts(_ path: String) throws(DiskError) -> FileFacts? {
    try requirePower("stat", path)
    let node: Int
    do {
      node = try find(path, "stat")
    } catch let error where error.code == .absent {
      return nil
    }
    var facts = FileFacts(
      kind: .directory,
      size: 0,
      owner: 0,
      mode: 0o700,
      modifiedMilliseconds: 0
    )
    if case .file(let file)? = nodes[node] {
      facts.kind = .file
      facts.mode = 0o600
      facts.size = file.current.count
    }
    return facts
  }

  func file(_ handle: OpenFile, _ operation: String) throws(DiskError) -> File {
    try requirePower(operation, "")
    guard let open = handles[handle.number], case .file(let file)? = nodes[open.node] else {
      throw MemoryDiskState.error(operation, "", 9)
    }
    return file
  }

  static func carryOut(_ step: Step, on content: inout [UInt8]) {
    switch step {
    case .truncate(let size):
      if size < content.count {
        content.removeLast(content.count - size)
      } else {
        content.append(contentsOf: repeatElement(0, count: size - content.count))
      }
    case .write(let offset, let bytes):
      let end = offset + bytes.count
      if content.count < end {
        content.append(contentsOf: repeatElement(0, count: end - content.count))
      }
      content.replaceSubrange(offset..<end, with: bytes)
    }
  }

  private mutating func apply(_ step: Step, to handle: OpenFile) {
    guard let node = handles[handle.number]?.node, case .file(var file)? = nodes[node] else {
      return
    }
    // Not two owners of one array while it changes.
    nodes[node] = nil
    MemoryDiskState.carryOut(step, on: &file.current)
    file.pending.append(step)
    nodes[node] = .file(file)
  }

  mutating func write(_ bytes: [UInt8], _ file: OpenFile, _ offset: Int) throws(DiskError) {
    let path = handles[file.number]?.path ?? ""
    if case .full = fault, try self.file(file, "pwrite").current.count < offset + bytes.count {
      throw MemoryDiskState.error("pwrite", path, 28)
    }
    if case .room(let room) = fault {
      let growth = offset + bytes.count - (try self.file(file, "pwrite").current.count)
      let used = files(below: "").values.reduce(0) { $0 + $1.count }
      if growth > 0, used + growth > room { throw MemoryDiskState.error("pwrite", path, 28) }
    }
    if let failure = try begin("pwrite", path, "\(offset)+\(bytes.count)") {
      // A write that fails has gone on for a while.
      apply(.write(offset, Array(bytes.prefix(bytes.count / 2))), to: file)
      throw failure
    }
    apply(.write(offset, bytes), to: file)
  }

  mutating func truncate(_ file: OpenFile, _ size: Int) throws(DiskError) {
    let path = handles[file.number]?.path ?? ""
    if let failure = try begin("truncate", path, "\(size)"), hasPower { throw failure }
    apply(.truncate(size), to: file)
    try requirePower("truncate", path)
  }

  mutating func synchronize(_ handle: OpenFile, _ operation: String) throws(DiskError) {
    let path = handles[handle.number]?.path ?? ""
    let failure = try begin(operation, path)
    if let failure {
      if hasPower, let node = handles[handle.number]?.node { forgetPending(of: node) }
      throw failure
    }
    if let node = handles[handle.number]?.node { settleFile(node) }
  }

  private mutating func settleFile(_ node: Int) {
    guard case .file(var file)? = nodes[node] else { return }
    nodes[node] = nil
    for step in file.pending { MemoryDiskState.carryOut(step, on: &file.durable) }
    file.pending = []
    nodes[node] = .file(file)
  }

  private mutating func forgetPending(of node: Int) {
    guard case .file(var file)? = nodes[node] else { return }
    file.pending = []
    nodes[node] = .file(file)
  }

  mutating func synchronizeDirectory(_ path: String) throws(DiskError) {
    try requirePower("fsync", path)
    let node = try find(path, "fsync")
    if let failure = try begin("fsync", path.isEmpty ? "." : path) { throw failure }
    let touched = names.filter { $0.edits.contains { $0.directory == node } }
    names.removeAll { $0.edits.contains { $0.directory == node } }
    for step in touched { settle(step) }
  }

  mutating func synchronizeAll() throws(DiskError) {
    if let failure = try begin("syncfs", ".") {
      if hasPower { for node in nodes.keys { forgetPending(of: node) } }
      throw failure
    }
    for step in names { settle(step) }
    names = []
    for node in nodes.keys { settleFile(node) }
  }
}
