// SPDX-License-Identifier: ISC

/// Where some bytes of the journal are: a file of it, an offset in that, a length.
package struct JournalPlace: Hashable, Sendable {
  /// The number of the file.
  package var slot: UInt16
  /// In the file.
  package var offset: UInt32
  /// In bytes.
  package var length: UInt32

  /// The same behind `base`, in the file `slot`.
  package func moved(to slot: Int, by base: Int) -> JournalPlace {
    JournalPlace(slot: UInt16(slot), offset: offset + UInt32(base), length: length)
  }

  package init(slot: UInt16 = 0, offset: UInt32, length: UInt32) {
    self.slot = slot
    self.offset = offset
    self.length = length
  }

  package init(_ range: Range<Int>) {
    self.init(offset: UInt32(range.lowerBound), length: UInt32(range.count))
  }
}

/// When a change was written: the numbers of its group.
package struct JournalStamp: Hashable, Sendable {
  /// Of the file.
  package var epoch: UInt64
  /// Of the group.
  package var sequence: UInt64

  package init(epoch: UInt64, sequence: UInt64) {
    self.epoch = epoch
    self.sequence = sequence
  }
}
