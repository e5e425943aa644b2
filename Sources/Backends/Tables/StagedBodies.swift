// SPDX-License-Identifier: ISC

package import Mail
package import Queue

/// The spool directory around a database: its lock, and the bodies that are files in it.
package protocol StagedBodies: AnyObject {
  /// Takes the lock of the spool, or finds out who has it, and makes the directories.
  func acquire() throws(StoreError)
  func release()

  /// Up to `count` bytes from `offset`.
  func read(_ message: MessageID, from offset: Int, count: Int) throws(StoreError) -> [UInt8]

  /// Nil when there is no such file.
  func size(_ message: MessageID) throws(StoreError) -> Int?

  /// Harmless when there is no such file.
  func remove(_ message: MessageID) throws(StoreError)

  /// Removes all files but those for which `isKept` returns true. Returns how many are gone.
  func sweep(_ isKept: (MessageID) -> Bool) throws(StoreError) -> Int
}
