// SPDX-License-Identifier: ISC

/// What a process may still do once it runs: a word of pledge(2), with the meaning it has here.
///
/// `accept` is not pledge's: there it is a part of `inet`, and who relays mail need not take any.
package enum Promise: String, CaseIterable, Sendable {
  /// Memory, threads, time, randomness, waiting; reading and writing on open descriptors; signals to
  /// itself. A file that is opened for reading is refused, and not a reason to die: libraries look for
  /// files that they can do without.
  case stdio
  /// Read files, and ask about them.
  case rpath
  /// Write files that exist.
  case wpath
  /// Create, rename and remove files and directories.
  case cpath
  /// Change modes, owners within its rights, and times of files.
  case fattr
  /// Lock files.
  case flock
  /// Open TCP sockets and connect them.
  case inet
  /// Open UDP and TCP sockets and ask name servers.
  case dns
  /// Accept connections on sockets it was given.
  case accept
  /// Open Unix sockets, connect and bind them.
  case unix
  /// Ask the name services of the host: their files, sockets and modules.
  case getpw
  /// Receive descriptors.
  case recvfd
  /// Send descriptors.
  case sendfd
  /// Change the modes of a terminal that is open.
  case tty
  /// Start processes, wait for them, send them signals.
  case proc
  /// Execute programs.
  case exec
  /// Become another user.
  case id
  /// Map memory as executable, which loading a library does.
  case protExec = "prot_exec"

  /// The meaning in a few words, for the table of the documentation.
  package var meaning: String {
    switch self {
    case .stdio: "memory, threads, time; read and write what is open"
    case .rpath: "read files"
    case .wpath: "write files"
    case .cpath: "create, rename, remove files"
    case .fattr: "change modes and times of files"
    case .flock: "lock files"
    case .inet: "open TCP sockets, connect"
    case .dns: "open UDP and TCP sockets to name servers"
    case .accept: "accept on sockets it was given"
    case .unix: "open Unix sockets"
    case .getpw: "ask the name services"
    case .recvfd: "receive descriptors"
    case .sendfd: "send descriptors"
    case .tty: "change the modes of an open terminal"
    case .proc: "start processes, signal others"
    case .exec: "execute programs"
    case .id: "become another user"
    case .protExec: "load libraries"
    }
  }
}

/// A set of promises. Less is safer: a process can give words up, and never get one back.
package typealias Promises = Set<Promise>

/// Promises with the reason for each, as a role states them.
package struct StatedPromises: ExpressibleByDictionaryLiteral, Sendable {
  /// In the order they were stated.
  package let statements: [(word: Promise, reason: String)]

  package init(dictionaryLiteral elements: (Promise, String)...) {
    statements = elements
    precondition(Set(elements.map(\.0)).count == elements.count, "a promise is stated twice")
  }

  /// The words alone.
  package var words: Promises { Promises(statements.map(\.word)) }
}
