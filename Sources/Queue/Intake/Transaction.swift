// SPDX-License-Identifier: ISC

internal import Mail

/// One message on its way in: what has come of it so far.
struct Transaction: Sendable {
  /// Where it stands between the first byte and the answer.
  enum State: Sendable {
    /// Body and envelopes are coming.
    case open
    /// The frontend has said that all is sent; envelopes or the staged file may still be on their way.
    case submitted(Message, envelopes: EnvelopeTally, edge: UInt32)
    /// It is in a group commit.
    case committing
  }

  /// Where the body is.
  enum Content: Sendable {
    case memory([UInt8])
    /// In a file; `unwritten` bytes of it are still to be written.
    case staged(size: Int, unwritten: Int)
    /// In a file that is being made durable.
    case finishing(size: Int)
    /// In a file that is durable, with this CRC-32C.
    case durable(size: Int, checksum: UInt32)
  }

  var frontend: UInt32
  var state = State.open
  var content = Content.memory([])
  var envelopes: [Envelope] = []
  /// Which they are.
  var tally = EnvelopeTally()
  /// What they take of memory, here or in the commit.
  var envelopeBytes = 0
  /// Bytes at the beginning of a staged body whose credit was given while they were in memory.
  var credited = 0

  init(frontend: UInt32) { self.frontend = frontend }

  mutating func add(_ arrived: [Envelope], bytes: Int) {
    for envelope in arrived { tally.add(envelope.id) }
    envelopes.append(contentsOf: arrived)
    envelopeBytes += bytes
  }

  /// Bytes of body and envelopes that it holds in memory.
  var bytesInMemory: Int { envelopeBytes + bodyBytesInMemory }

  private var bodyBytesInMemory: Int {
    switch content {
    case .memory(let bytes): bytes.count
    case .staged(_, let unwritten): unwritten
    case .finishing, .durable: 0
    }
  }
}
