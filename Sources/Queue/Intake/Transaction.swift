// SPDX-License-Identifier: ISC

internal import Mail

/// One message on its way in: what has come of it so far.
struct Transaction: Sendable {
  /// Where it stands between the first byte and the answer.
  enum State: Sendable {
    /// Body and envelopes are coming.
    case open
    /// The frontend has said that all is sent; envelopes or the staged file may still be on their way.
    case submitted(Message, envelopes: Int)
    /// It is in a group commit.
    case committing
    /// The frontend took it back; gone once the envelopes that were under way have arrived.
    case aborted(envelopes: Int)
  }

  /// Where the body is.
  enum Content: Sendable {
    case memory([UInt8])
    /// In a file; `unwritten` bytes of it are still to be written.
    case staged(size: Int, unwritten: Int)
    /// In a file that is durable.
    case durable(size: Int)
  }

  let frontend: UInt32
  var state = State.open
  var content = Content.memory([])
  var envelopes: [Envelope] = []
  /// Bytes of body that the frontend was given credit for.
  var credited = 0
  /// The staged file could not be written: the answer to the submit.
  var refusal: Reply?

  init(frontend: UInt32) { self.frontend = frontend }

  /// Bytes of body that it holds in memory.
  var bytesInMemory: Int {
    switch content {
    case .memory(let bytes): bytes.count
    case .staged(_, let unwritten): unwritten
    case .durable: 0
    }
  }
}
