// SPDX-License-Identifier: ISC

import Disk
import FilesystemStore
import LMDBStore
import Mail
import MemoryStore
import Queue
import SQLiteStore
import TableStore

/// Messages a second and syncs a message, by backend and batch size: inserts, then removals.
///
///     store-benchmark [DIRECTORY] [MESSAGES] [BODY-BYTES] [BACKEND] [BATCH]
struct StoreBenchmark {
  let directory: String
  let messages: Int
  let bodySize: Int
  let backends: [Backend]
  let batches: [Int]

  enum Backend: String, CaseIterable {
    case ram
    case fs
    case sqlite
    case lmdb
  }

  func run() throws {
    print(
      "backend  batch  insert/s  remove/s   again/s  syncs/message  longest ms    scan/s  open ms"
    )
    for backend in backends {
      for batch in batches { try measure(backend, batch: batch) }
    }
  }

  private func measure(_ backend: Backend, batch: Int) throws {
    let parent = try LinuxDisk(root: directory)
    let spool = "bench-\(backend)-\(batch)"
    try parent.ensureDirectory(spool)
    defer { try? remove(spool, parent) }
    let store = try open(backend, "\(directory)/\(spool)")
    let count = batch == 1 ? max(1, messages / 8) : messages
    let clock = ContinuousClock()
    let insertion = try clock.measure { try insert(1...count, batch, store) }
    let inserted = store.statistics()
    let opening = try clock.measure { _ = try store.reopen() }
    let scan = try clock.measure { try readAll(store) }
    let removal = try clock.measure {
      for start in stride(from: 1, through: count, by: batch) {
        let changes = (start..<min(start + batch, count + 1)).flatMap(SampleMail.removal)
        try store.apply(changes)
      }
    }
    // Once more, into the space that is free now.
    let again = try clock.measure { try insert(count + 1...2 * count, batch, store) }
    try store.close(within: .seconds(1))
    let syncs = Double(inserted.syncs) / Double(count)
    let longest = inserted.longestSync / .milliseconds(1)
    print(
      backend.rawValue.padded(7),
      "\(batch)".padded(6),
      rate(count, insertion).padded(9),
      rate(count, removal).padded(9),
      rate(count, again).padded(9),
      "\(Double(Int(syncs * 1000)) / 1000)".padded(14),
      "\(Int(longest))".padded(11),
      rate(count, scan).padded(9),
      "\(Int(opening / .milliseconds(1)))".padded(8)
    )
  }

  private func insert(_ numbers: ClosedRange<Int>, _ batch: Int, _ store: any Store) throws {
    for start in stride(from: numbers.lowerBound, through: numbers.upperBound, by: batch) {
      let end = min(start + batch - 1, numbers.upperBound)
      try store.apply((start...end).map { .insert(SampleMail.message($0, bodySize)) })
    }
  }

  private func readAll(_ store: any Store) throws {
    var next: EnvelopeID?
    repeat { next = try store.page(after: next, limit: 1000).next } while next != nil
  }

  private func remove(_ path: String, _ disk: any Disk) throws {
    for entry in try disk.list(path) {
      let inner = "\(path)/\(entry.name)"
      if entry.kind == .directory { try remove(inner, disk) } else { try disk.unlink(inner) }
    }
    try disk.removeDirectory(path)
  }

  private func rate(_ count: Int, _ duration: Duration) -> String {
    "\(Int(Double(count) / (duration / .seconds(1))))"
  }

  private func open(_ backend: Backend, _ spool: String) throws -> any Store {
    let disk = try LinuxDisk(root: spool)
    let store: any Store =
      switch backend {
      case .ram: MemoryStore()
      case .fs: FilesystemStore(disk: disk, clock: { .epoch })
      case .sqlite: TableStore.sqlite(disk: disk, clock: { .epoch })
      case .lmdb: TableStore.lmdb(disk: disk, clock: { .epoch })
      }
    _ = try store.open()
    return store
  }
}

/// Mail of a usual shape.
enum SampleMail {
  static func message(_ number: Int, _ bodySize: Int) -> NewMessage {
    let id = id(number)
    let message = Message(
      id: id,
      sender: Address(local: "sender", domain: "example.org"),
      created: Instant(seconds: 1_700_000_000),
      size: bodySize,
      session: SessionFacts(
        id: SessionID(UInt64(number)),
        source: .inet4(0x7f00_0001),
        serverName: "mail.example.org",
        helo: "client.example.org",
        hostname: "localhost"
      )
    )
    let body = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: bodySize)
    return NewMessage(message: message, envelopes: [envelope(number)], body: .bytes(body))
  }

  static func removal(_ number: Int) -> [Change] {
    [.removeEnvelope(envelope(number).id), .removeMessage(id(number))]
  }

  private static func envelope(_ number: Int) -> Envelope {
    guard let id = EnvelopeID(message: id(number), low: 0x1234_5678) else {
      preconditionFailure("a low half of zero")
    }
    let recipient = Address(local: "recipient\(number)", domain: "example.net")
    return Envelope(
      id: id,
      kind: .relay,
      action: "relay",
      recipient: recipient,
      destination: recipient,
      created: Instant(seconds: 1_700_000_000)
    )
  }

  private static func id(_ number: Int) -> MessageID {
    guard let id = MessageID(UInt32(number)) else { preconditionFailure("message zero") }
    return id
  }
}

extension String {
  /// The text, right-aligned in `width` columns.
  fileprivate func padded(_ width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}

let arguments = CommandLine.arguments.dropFirst()
let numbers = arguments.compactMap { Int($0) }
let backend = arguments.compactMap { StoreBenchmark.Backend(rawValue: $0) }
try StoreBenchmark(
  directory: arguments.first ?? ".",
  messages: numbers.first ?? 20_000,
  bodySize: numbers.count > 1 ? numbers[1] : 4096,
  backends: backend.isEmpty ? StoreBenchmark.Backend.allCases : backend,
  batches: numbers.count > 2 ? [numbers[2]] : [1, 8, 64]
).run()
