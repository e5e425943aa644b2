// SPDX-License-Identifier: ISC

internal import CLinux
package import Mail

/// Files of users, each read in a short-lived process that has its user's rights. Blocks.
package enum UserFiles {
  /// Who reads.
  package enum Reader: Sendable {
    /// This process's own user.
    case ourselves
    case user(uid: UInt32, gid: UInt32)
  }

  /// What there is of an included list.
  package enum List: Sendable {
    case content([UInt8], owner: UInt32)
    /// A link, no regular file, or writable for others than its owner.
    case refused
    /// It is not there, or cannot be read now.
    case failed
  }

  /// Milliseconds until a file system that does not answer is given up.
  fileprivate static let timeout: Int32 = 10_000

  /// `.forward` in a home, by the rules of forward(5).
  package static func forward(home: String, owner: UInt32, as reader: Reader) -> ForwardFile {
    var reader = reader.structure
    let capacity = ForwardFile.sizeMax
    var bytes = [UInt8](repeating: 0, count: capacity)
    var length = 0
    // All of it is used during the call only, and the array is as long as is said.
    let outcome = unsafe talaria_read_forward(&reader, home, owner, &bytes, capacity, &length)
    switch outcome {
    case Int32(TALARIA_USER_FILE_CONTENT.rawValue): return .content(Array(bytes.prefix(length)))
    case Int32(TALARIA_USER_FILE_NONE.rawValue): return .none
    case Int32(TALARIA_USER_FILE_INSECURE.rawValue): return .insecure
    case Int32(TALARIA_USER_FILE_HELD.rawValue): return .held
    case Int32(TALARIA_USER_FILE_TOO_LARGE.rawValue): return .tooLarge
    default: return .failed
    }
  }

  /// A list at an absolute path.
  package static func list(_ path: String, atMost capacity: Int, as reader: Reader) -> List {
    var reader = reader.structure
    var bytes = [UInt8](repeating: 0, count: capacity)
    var length = 0
    var owner: UInt32 = .max
    // All of it is used during the call only, and the array is as long as is said.
    let outcome = unsafe talaria_read_list(&reader, path, &owner, &bytes, capacity, &length)
    switch outcome {
    case Int32(TALARIA_USER_FILE_CONTENT.rawValue):
      return .content(Array(bytes.prefix(length)), owner: owner)
    case Int32(TALARIA_USER_FILE_INSECURE.rawValue): return .refused
    default: return .failed
    }
  }
}

extension UserFiles.Reader {
  fileprivate var structure: talaria_reader {
    switch self {
    case .ourselves: talaria_reader(change: 0, uid: 0, gid: 0, timeout: UserFiles.timeout)
    case .user(let uid, let gid):
      talaria_reader(change: 1, uid: uid, gid: gid, timeout: UserFiles.timeout)
    }
  }
}
