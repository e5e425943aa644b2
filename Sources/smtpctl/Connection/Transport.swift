// SPDX-License-Identifier: ISC

/// A connected stream to the daemon. Blocking.
struct Transport {
  /// Sends all the bytes; `ended` when the other side takes none any more.
  let send: ([UInt8]) throws(CommandFailure) -> Void
  /// The next bytes, at least one; none at the end of the stream.
  let receive: () throws(CommandFailure) -> [UInt8]
}
