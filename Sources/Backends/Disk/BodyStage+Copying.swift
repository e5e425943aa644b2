// SPDX-License-Identifier: ISC

package import Mail
package import Queue

extension BodyStage {
  /// Writes the body that `chunk` reads, durable on return; what `StoreCopy` stages with.
  package func copy(
    _ message: MessageID,
    _ chunk: (_ offset: Int) throws(StoreError) -> [UInt8]
  ) throws(StoreError) -> NewMessage.Body {
    let body = try begin(message)
    while true {
      let bytes = try chunk(body.size)
      guard !bytes.isEmpty else {
        let content = try body.finish()
        return .staged(size: content.size, checksum: content.checksum)
      }
      try body.append(bytes)
    }
  }
}
