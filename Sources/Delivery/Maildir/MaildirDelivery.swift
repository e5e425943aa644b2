// SPDX-License-Identifier: ISC

import Mail

/// The program that delivers one message into a maildir, run as the user:
/// `mail.maildir [-j] LENGTH [DIRECTORY]`, the message on standard input.
///
/// The message is taken only when it has exactly LENGTH bytes, so that one that was cut off is never
/// delivered; `-` takes any length, for what a wrapper changed. When it exits with 0 the file and its directory entries would survive a power cut.
package enum MaildirDelivery {
  typealias Code = AgentFailure.Code
  typealias Failure = AgentFailure

  enum Junk {
    case inPlace
    case ownFolder
  }

  struct Request: Equatable {
    var junk = Junk.inPlace
    var length = AnnouncedLength.unknown
    var directory = ""
    /// The sub-address; empty when there is none.
    var folder = ""
  }

  /// Delivers; returns the exit code. The reason of a failure is one line on standard error.
  ///
  /// - Parameters:
  ///   - arguments: those behind the program's name.
  ///   - environment: HOME, and EXTENSION when there is a sub-address.
  package static func run(arguments: [String], environment: [String: String]) -> Int32 {
    do throws(Failure) {
      let request = try parse(arguments, environment)
      MailboxFile.survivesLimits()
      try MaildirWriter(request).deliver(from: 0)
      return 0
    } catch {
      MaildirFile.complain("mail.maildir: \(error.text)")
      return error.code
    }
  }

  static func parse(
    _ arguments: [String],
    _ environment: [String: String]
  ) throws(Failure) -> Request {
    var request = Request()
    var rest = arguments[...]
    if rest.first == "-j" {
      request.junk = .ownFolder
      rest = rest.dropFirst()
    }
    guard let length = rest.popFirst().flatMap({ AnnouncedLength($0) }) else {
      throw Failure(code: Code.usage, text: "usage: mail.maildir [-j] length [directory]")
    }
    request.length = length
    let home = environment["HOME"] ?? ""
    request.directory = rest.popFirst() ?? "~/Maildir"
    if request.directory == "~" || request.directory.hasPrefix("~/") {
      guard home.hasPrefix("/") else { throw Failure(code: Code.temporary, text: "no HOME") }
      request.directory = home + request.directory.dropFirst()
    }
    guard rest.isEmpty, !request.directory.isEmpty,
      !request.directory.utf8.contains(0)
    else { throw Failure(code: Code.usage, text: "usage: mail.maildir [-j] length [directory]") }
    request.folder = folder(environment["EXTENSION"] ?? "")
    return request
  }

  /// The sub-folder of a sub-address; empty when it cannot be the name of one. A dot or slash in it
  /// would lead elsewhere.
  static func folder(_ subaddress: String) -> String {
    let bytes = subaddress.utf8
    let isName = bytes.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }
    guard isName, bytes.count <= 200, !subaddress.hasPrefix("."), !subaddress.contains("..") else {
      return ""
    }
    return subaddress
  }
}
