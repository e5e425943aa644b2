// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Interprocess

/// A program to start, and who it is to be.
package struct Program: Sendable {
  /// A name without a slash is looked for in `search`, as the new user.
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
  /// Directories, divided by colons.
  package var search: String?
  /// What it may use.
  package var limits = Limits()
  /// A file to be there before it starts.
  package var mailbox: Mailbox?
  /// Descriptor 3 is this very binary, for a script that calls it as `keptOurselves`.
  package var keepsOurselves = false
  /// What reads the command that it is.
  package var interpreter = Interpreter.none

  /// What the program may use; zero leaves a limit as it is.
  package struct Limits: Hashable, Sendable {
    /// Until SIGALRM ends it.
    package var seconds: UInt32 = 0
    /// On a processor.
    package var processorSeconds: UInt64 = 0
    /// Of its user, all programs together.
    package var processes: UInt64 = 0
    /// Open at a time.
    package var descriptors: UInt64 = 0
    /// Of the largest file that it may write.
    package var fileBytes: UInt64 = 0

    package init() {}
  }

  /// A mailbox that only root can make: empty, the user's own, with the group given.
  package struct Mailbox: Hashable, Sendable {
    /// An absolute path.
    package var directory: String
    /// Of the file in it.
    package var name: String
    /// Who may write it besides the user.
    package var group: UInt32

    package init(directory: String, name: String, group: UInt32) {
      self.directory = directory
      self.name = name
      self.group = group
    }
  }

  /// Who looks for the programs that a command names.
  package enum Interpreter: Sendable {
    /// Nobody: it is the program.
    case none
    /// Our `/bin/sh`, in whose place it may be: 126 and 127 are that it could not start one.
    case shell
  }

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
  /// The same for a program that was started with `keepsOurselves`, and for all that it starts.
  package static let keptOurselves = "/proc/self/fd/3"

  /// Starts it. Returns the process id.
  package func start() throws(SpawnError) -> Int32 {
    let argumentStrings = unsafe CStrings(arguments)
    let environmentStrings = unsafe CStrings(environment)
    var command = unsafe talaria_command()
    unsafe command.uid = uid ?? .max
    unsafe command.gid = gid ?? .max
    var binary: CInt = -1
    defer { if binary >= 0 { close(binary) } }
    if keepsOurselves {
      // The string lives for the time of the call.
      binary = unsafe open(Program.ourselves, O_RDONLY | O_CLOEXEC)
      guard binary >= 0 else { throw SpawnError(path: path, reason: systemError()) }
    }
    let kept = binary >= 0 ? binary : descriptors.3
    unsafe command.standard = (descriptors.0, descriptors.1, descriptors.2, kept)
    unsafe command.new_session = session == .own ? 1 : 0
    unsafe command.alarm_seconds = limits.seconds
    unsafe command.processor_seconds_max = limits.processorSeconds
    unsafe command.processes_max = limits.processes
    unsafe command.descriptors_max = limits.descriptors
    unsafe command.file_bytes_max = limits.fileBytes
    unsafe command.mailbox_group = mailbox?.group ?? .max
    let texts = unsafe CStrings([
      path, search ?? "", directory ?? "", mailbox?.directory ?? "", mailbox?.name ?? "",
    ])
    // All strings outlive the call, which keeps none of them.
    unsafe command.path = UnsafePointer(texts[0])
    if search != nil { unsafe command.search = UnsafePointer(texts[1]) }
    if directory != nil { unsafe command.directory = UnsafePointer(texts[2]) }
    if mailbox != nil {
      unsafe command.mailbox_directory = UnsafePointer(texts[3])
      unsafe command.mailbox = UnsafePointer(texts[4])
    }
    unsafe command.arguments = UnsafePointer(argumentStrings.pointers)
    unsafe command.environment = UnsafePointer(environmentStrings.pointers)
    let child = unsafe talaria_spawn(&command)
    // Nothing frees the strings before.
    unsafe withExtendedLifetime((argumentStrings, environmentStrings, texts)) {}
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

  subscript(index: Int) -> UnsafeMutablePointer<CChar>? { unsafe pointers[index] }

  deinit {
    for index in unsafe 0..<count { unsafe free(pointers[index]) }
    unsafe pointers.deallocate()
  }
}
