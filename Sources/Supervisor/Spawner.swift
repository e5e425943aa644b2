// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess

/// A program to start, and who it is to be.
package struct Program: Sendable {
  package var path: String
  package var arguments: [String]
  /// `NAME=value`; nothing is inherited.
  package var environment: [String] = []
  package var directory: String?
  package var uid: UInt32?
  package var gid: UInt32?
  /// Become 0, 1, 2 and 3 in the program; -1: /dev/null, and nothing for the last.
  package var descriptors: (CInt, CInt, CInt, CInt) = (-1, -1, -1, -1)
  package var session = Session.shared

  package enum Session: Sendable {
    case shared
    /// A session and process group of its own, so that all of it can be ended.
    case own
  }

  package init(path: String, arguments: [String]) {
    self.path = path
    self.arguments = arguments
  }

  /// This very binary, whatever has become of its path.
  package static let ourselves = "/proc/self/exe"

  /// Starts it. Returns the process id.
  package func start() throws(SpawnError) -> Int32 {
    let argumentStrings = unsafe CStrings(arguments)
    let environmentStrings = unsafe CStrings(environment)
    var command = unsafe talaria_command()
    unsafe command.uid = uid ?? .max
    unsafe command.gid = gid ?? .max
    unsafe command.standard = descriptors
    unsafe command.new_session = session == .own ? 1 : 0
    // All strings outlive the call, which keeps none of them.
    let child = unsafe path.withCString { path in
      unsafe command.path = path
      unsafe command.arguments = UnsafePointer(argumentStrings.pointers)
      unsafe command.environment = UnsafePointer(environmentStrings.pointers)
      guard let directory else { return unsafe talaria_spawn(&command) }
      return unsafe directory.withCString { directory in
        unsafe command.directory = directory
        return unsafe talaria_spawn(&command)
      }
    }
    guard child > 0 else { throw SpawnError(path: path, reason: systemError()) }
    return child
  }
}

/// A program that could not be started.
package struct SpawnError: Error, Equatable, Sendable {
  package let path: String
  package let reason: String
}

/// A null-terminated array of C strings, for exec.
@unsafe private final class CStrings {
  // Allocated here and freed in deinit; nothing else frees them.
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ strings: [String]) {
    unsafe count = strings.count
    unsafe pointers = .allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() {
      unsafe (pointers + index).initialize(to: strdup(string))
    }
    unsafe (pointers + strings.count).initialize(to: nil)
  }

  deinit {
    for index in unsafe 0..<count { unsafe free(pointers[index]) }
    unsafe pointers.deallocate()
  }
}
