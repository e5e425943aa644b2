// SPDX-License-Identifier: ISC

package import Mail
package import Queue

/// Queue to delivery. A task is the envelopes of one message that go the same way together.
package enum QueueToDelivery: EdgeMessage {
  /// Try these. `body` is the whole body when it is small and at hand, else it is asked for.
  case deliver(task: UInt64, Message, [Envelope], body: [UInt8]?)
  /// The next part of the body that was asked for.
  case body(task: UInt64, [UInt8])
  case bodyEnd(task: UInt64)
  /// The body cannot be read; what was sent of it is worth nothing.
  case bodyFailed(task: UInt64, reason: String)
  /// The reports of these tasks are durable: forget them.
  case recorded([UInt64])

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .deliver(let task, let message, let envelopes, let body):
      precondition(envelopes.count <= EdgeLimits.envelopes)
      writer.write(UInt8(1))
      writer.write(task)
      writer.write(message)
      writer.writeVariable(UInt64(envelopes.count))
      for envelope in envelopes { writer.write(envelope) }
      writer.write(UInt8(body == nil ? 0 : 1))
      if let body { writer.write(body) }
    case .body(let task, let bytes):
      writer.write(UInt8(2))
      writer.write(task)
      writer.write(bytes)
    case .bodyEnd(let task):
      writer.write(UInt8(3))
      writer.write(task)
    case .bodyFailed(let task, let reason):
      writer.write(UInt8(4))
      writer.write(task)
      writer.write(clipped: reason)
    case .recorded(let ids):
      writer.write(UInt8(5))
      writer.writeVariable(UInt64(ids.count))
      for id in ids { writer.write(id) }
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1:
      let task: UInt64 = try reader.readInteger()
      let message = try reader.readMessage()
      var envelopes: [Envelope] = []
      for _ in 0..<(try reader.readCount(of: "envelopes", atMost: EdgeLimits.envelopes)) {
        envelopes.append(try reader.readEnvelope())
      }
      let hasBody = try reader.readByte() != 0
      let body =
        hasBody ? try reader.readBytes(of: "body", atMost: EdgeLimits.bodyWindow) : nil
      self = .deliver(task: task, message, envelopes, body: body)
    case 2:
      self = .body(
        task: try reader.readInteger(),
        try reader.readBytes(of: "body", atMost: EdgeLimits.bodyChunk)
      )
    case 3: self = .bodyEnd(task: try reader.readInteger())
    case 4:
      self = .bodyFailed(
        task: try reader.readInteger(),
        reason: try reader.readString(of: "reason", atMost: EdgeLimits.text)
      )
    case 5:
      var tasks: [UInt64] = []
      for _ in 0..<(try reader.readCount(of: "tasks", atMost: 100_000)) {
        tasks.append(try reader.readInteger())
      }
      self = .recorded(tasks)
    default: throw .invalid(field: "message kind")
    }
  }
}

/// What became of one envelope of a task.
package struct EnvelopeReport: Hashable, Sendable {
  package var envelope: EnvelopeID
  package var report: DeliveryReport

  package init(envelope: EnvelopeID, report: DeliveryReport) {
    self.envelope = envelope
    self.report = report
  }
}

/// Delivery to queue.
package enum DeliveryToQueue: EdgeMessage {
  /// A task that is in hand: its outcome was not recorded, or it has none yet. The first messages of an
  /// edge, up to `reconcile`.
  case inHand(task: UInt64, [EnvelopeID])
  /// That was all that is in hand. The reports that were not recorded follow.
  case reconcile
  /// So many more bytes of the task's body may come; the first one opens the stream.
  case credit(task: UInt64, UInt32)
  /// No more of this body is wanted.
  case cancelBody(task: UInt64)
  /// The end of a task. Kept and sent again on a new edge until it is recorded.
  case report(task: UInt64, [EnvelopeReport])
  /// Give back so many that are held under a key; nil: all.
  case release(key: UInt64, count: UInt32?)
  /// What goes the same way as that task will not be tried for so long. Before the task's report.
  case destinationRests(task: UInt64, milliseconds: UInt32)

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .inHand(let task, let ids):
      writer.write(UInt8(1))
      writer.write(task)
      writer.writeVariable(UInt64(ids.count))
      for id in ids { writer.write(id.rawValue) }
    case .credit(let task, let bytes):
      writer.write(UInt8(2))
      writer.write(task)
      writer.write(bytes)
    case .cancelBody(let task):
      writer.write(UInt8(3))
      writer.write(task)
    case .report(let task, let reports):
      writer.write(UInt8(4))
      writer.write(task)
      writer.writeVariable(UInt64(reports.count))
      for report in reports {
        writer.write(report.envelope.rawValue)
        report.report.encode(into: &writer)
      }
    case .release(let key, let count):
      writer.write(UInt8(5))
      writer.write(key)
      writer.write(count ?? .max)
    case .destinationRests(let task, let milliseconds):
      writer.write(UInt8(6))
      writer.write(task)
      writer.write(milliseconds)
    case .reconcile: writer.write(UInt8(7))
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1:
      let task: UInt64 = try reader.readInteger()
      var ids: [EnvelopeID] = []
      for _ in 0..<(try reader.readCount(of: "envelopes", atMost: EdgeLimits.envelopes)) {
        ids.append(try reader.readEnvelopeID())
      }
      self = .inHand(task: task, ids)
    case 2: self = .credit(task: try reader.readInteger(), try reader.readInteger())
    case 3: self = .cancelBody(task: try reader.readInteger())
    case 4:
      let task: UInt64 = try reader.readInteger()
      var reports: [EnvelopeReport] = []
      for _ in 0..<(try reader.readCount(of: "reports", atMost: EdgeLimits.envelopes)) {
        let envelope = try reader.readEnvelopeID()
        reports.append(
          EnvelopeReport(envelope: envelope, report: try DeliveryReport(decoding: &reader))
        )
      }
      self = .report(task: task, reports)
    case 5:
      let key: UInt64 = try reader.readInteger()
      let count: UInt32 = try reader.readInteger()
      self = .release(key: key, count: count == .max ? nil : count)
    case 6:
      self = .destinationRests(
        task: try reader.readInteger(),
        milliseconds: try reader.readInteger()
      )
    case 7: self = .reconcile
    default: throw .invalid(field: "message kind")
    }
  }
}
