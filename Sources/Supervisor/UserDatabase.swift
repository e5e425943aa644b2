// SPDX-License-Identifier: ISC

internal import Glibc

/// The users of this host, as the name service switch knows them. May block.
package enum UserDatabase {
  package enum Answer: Sendable {
    case found(Account)
    case absent
    case failed
  }

  /// Room for one record's texts, in bytes.
  private static let size = 16_384
  /// Of a home directory's path, in bytes.
  private static let homeMax = 4096

  /// getpwnam(3).
  package static func user(named name: String) -> Answer {
    // The record points into the buffer, which outlives its use.
    unsafe answer { entry, buffer, found in
      unsafe getpwnam_r(name, entry, buffer, size, found)
    }
  }

  /// getpwuid(3).
  package static func user(id: UInt32) -> Answer {
    // The record points into the buffer, which outlives its use.
    unsafe answer { entry, buffer, found in
      unsafe getpwuid_r(id, entry, buffer, size, found)
    }
  }

  /// The number of a group; nil when there is none of that name.
  package static func group(named name: String) -> UInt32? {
    var entry = unsafe Glibc.group()
    var found: UnsafeMutablePointer<Glibc.group>?
    var buffer = [CChar](repeating: 0, count: 65_536)
    let count = buffer.count
    // The record points into the buffer; only its number is taken from it.
    guard unsafe getgrnam_r(name, &entry, &buffer, count, &found) == 0, unsafe found != nil else {
      return nil
    }
    return unsafe entry.gr_gid
  }

  private static func answer(
    _ ask: (
      UnsafeMutablePointer<passwd>,
      UnsafeMutablePointer<CChar>,
      UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> CInt
  ) -> Answer {
    var entry = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    // Everything the record points to lies in the buffer and is copied before it goes.
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { space in
      guard let buffer = space.baseAddress else { return .failed }
      let result = unsafe ask(&entry, buffer, &found)
      // Some services say so when there is no such user.
      guard result == 0 || result == ENOENT || result == ESRCH else { return .failed }
      guard unsafe found != nil, let name = unsafe entry.pw_name,
        let home = unsafe entry.pw_dir
      else { return .absent }
      // No edge carries a longer one.
      guard unsafe strlen(home) <= homeMax else { return .failed }
      return .found(
        Account(
          name: unsafe String(cString: name),
          uid: unsafe entry.pw_uid,
          gid: unsafe entry.pw_gid,
          home: unsafe String(cString: home)
        )
      )
    }
  }
}
