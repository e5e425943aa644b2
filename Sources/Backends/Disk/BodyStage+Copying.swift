// SPDX-License-Identifier: ISC

package import Mail
package import Queue

extension BodyStage {
  /// Writes the body that `chunk` reads, durable on return; what `StoreCopy` stages with.
  package func copy(
    _ message: MessageID,
    _ chunk: (_ offset: Int) throws(StoreError) -> [UInt8]
  ) throws(StoreError) -> Int {
    let body = try begin(message)
    while true {
      let bytes = try chunk(body.size)
      guard !bytes.isEmpty else { return try body.finish() }
      try body.append(bytes)
    }
  }
}
