// SPDX-License-Identifier: ISC

internal import ControlProtocol
internal import Interprocess
internal import Mail
internal import Queue

/// `show message`: a stored body in chunks.
final class BodyListing: PagedAnswer {
  let id: UInt32
  private unowned let desk: QueryDesk
  private let message: MessageID
  private var offset = 0
  private var credits = 0
  private var isReading = false

  init(_ desk: QueryDesk, _ id: UInt32, _ message: MessageID) {
    self.desk = desk
    self.id = id
    self.message = message
  }

  func credit() {
    credits += 1
    goOn()
  }

  private func goOn() {
    guard credits > 0, !isReading else { return }
    credits -= 1
    isReading = true
    let (message, offset) = (message, offset)
    desk.queue.worker.ask({ store throws(StoreError) in
      try store.body(of: message, from: offset, count: 64 << 10)
    }) { [self] result in
      isReading = false
      guard desk.isWanted(self) else { return }
      switch result {
      case .failure(.absent): desk.send(id, .failure("there is no message \(message)"))
      case .failure(let error): desk.send(id, .failure("\(error)"))
      case .success(let bytes):
        guard !bytes.isEmpty else { return finish() }
        self.offset += bytes.count
        desk.send(id, .bytes(bytes))
        goOn()
      }
    }
  }

  /// A body that ended early is no message.
  private func finish() {
    let (message, offset) = (message, offset)
    desk.queue.worker.ask({ store throws(StoreError) in
      try store.shortage(of: message, after: offset)
    }) { [self] result in
      guard desk.isWanted(self) else { return }
      switch result {
      case .failure(let error): desk.send(id, .failure("\(error)"))
      case .success(let shortage?): desk.send(id, .failure("message \(message): \(shortage)"))
      case .success(nil): desk.send(id, .done)
      }
    }
  }
}

/// `queue verify`: every record of the store, some messages a page.
final class Verification: PagedAnswer {
  let id: UInt32
  private unowned let desk: QueryDesk
  private var after: MessageID?
  private var isAtEnd = false
  /// Found, and more than an answer holds.
  private var left: ArraySlice<VerifyFinding> = []
  private var credits = 0
  private var isReading = false

  init(_ desk: QueryDesk, _ id: UInt32) {
    self.desk = desk
    self.id = id
  }

  func credit() {
    credits += 1
    goOn()
  }

  private func goOn() {
    guard credits > 0, !isReading else { return }
    credits -= 1
    guard left.isEmpty else { return send(messages: 0, envelopes: 0) }
    guard !isAtEnd else { return desk.send(id, .done) }
    isReading = true
    let after = after
    desk.queue.worker.ask({ store throws(StoreError) in
      try store.verify(after: after, limit: 128)
    }) { [self] result in
      isReading = false
      guard desk.isWanted(self) else { return }
      switch result {
      case .failure(let error): desk.send(id, .failure("\(error)"))
      case .success(let page):
        self.after = page.next
        isAtEnd = page.next == nil && !page.isUnfinished
        left = page.findings[...]
        send(messages: page.messagesChecked, envelopes: page.envelopesChecked)
      }
    }
  }

  private func send(messages: Int, envelopes: Int) {
    let findings = left.prefix(ControlLimits.findingsPerPage)
    left = left.dropFirst(findings.count)
    desk.send(
      id,
      .verified(messages: messages, envelopes: envelopes, findings: Array(findings))
    )
    goOn()
  }
}

/// `queue quarantine list`.
final class QuarantineListing: PagedAnswer {
  let id: UInt32
  private unowned let desk: QueryDesk
  private var records: ArraySlice<QuarantinedRecord>

  init(_ desk: QueryDesk, _ id: UInt32, _ records: [QuarantinedRecord]) {
    self.desk = desk
    self.id = id
    self.records = records[...]
  }

  func credit() {
    guard !records.isEmpty else { return desk.send(id, .done) }
    let page = records.prefix(ControlLimits.quarantineRowsPerPage)
    records = records.dropFirst(page.count)
    desk.send(id, .quarantine(Array(page)))
  }
}

/// Bytes that are in memory already.
final class BytesListing: PagedAnswer {
  let id: UInt32
  private unowned let desk: QueryDesk
  private var bytes: ArraySlice<UInt8>

  init(_ desk: QueryDesk, _ id: UInt32, _ bytes: [UInt8]) {
    self.desk = desk
    self.id = id
    self.bytes = bytes[...]
  }

  func credit() {
    guard !bytes.isEmpty else { return desk.send(id, .done) }
    let page = bytes.prefix(ControlLimits.chunk)
    bytes = bytes.dropFirst(page.count)
    desk.send(id, .bytes(Array(page)))
  }
}
