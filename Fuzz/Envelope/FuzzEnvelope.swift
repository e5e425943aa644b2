// SPDX-License-Identifier: ISC

import Mail
import Queue

/// libFuzzer's entry: the first byte chooses the record, the rest is its bytes. What can be read
/// must be written in one form only.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzEnvelope(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  // The fuzzer's buffer is valid for the call and is copied at once.
  let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  guard let choice = input.first else { return 0 }
  let record = Array(input.dropFirst())
  guard let id = EnvelopeID(1 << 32 | 1) else { return 0 }
  if choice & 1 == 0 {
    guard let envelope = try? Envelope(id: id, record: record) else { return 0 }
    let again = try? Envelope(id: id, record: envelope.encodedRecord())
    precondition(again?.encodedRecord() == envelope.encodedRecord())
  } else {
    guard let message = try? Message(id: id.message, record: record) else { return 0 }
    let again = try? Message(id: id.message, record: message.encodedRecord())
    precondition(again?.encodedRecord() == message.encodedRecord())
  }
  return 0
}
