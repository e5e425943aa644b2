// SPDX-License-Identifier: ISC

package import Disk
package import Mail
package import Queue

extension BodyStage {
  /// Writes the body that `chunk` reads, durable on return; what `StoreCopy` stages with.
  ///
  /// A file of the same content is kept, since it may be the source's own when both stores share a
  /// spool; it is made durable by `disk`, whose stage this must be.
  package func copy(
    _ message: MessageID,
    on disk: any Disk,
    _ chunk: (_ offset: Int) throws(StoreError) -> [UInt8]
  ) throws(StoreError) -> Int {
    if let size = try size(of: message), try holds(message, size, chunk) {
      try disk.asStore { () throws(DiskError) in
        let file = try disk.open(BodyStage.path(of: message), .write)
        defer { disk.close(file) }
        try disk.synchronize(file)
        try disk.synchronizeDirectory(BodyStage.directory)
      }
      return size
    }
    let body = try begin(message)
    while true {
      let bytes = try chunk(body.size)
      guard !bytes.isEmpty else { return try body.finish() }
      try body.append(bytes)
    }
  }

  private func holds(
    _ message: MessageID,
    _ size: Int,
    _ chunk: (_ offset: Int) throws(StoreError) -> [UInt8]
  ) throws(StoreError) -> Bool {
    var offset = 0
    while true {
      let bytes = try chunk(offset)
      guard !bytes.isEmpty else { return offset == size }
      guard try read(message, from: offset, count: bytes.count) == bytes else { return false }
      offset += bytes.count
    }
  }
}
