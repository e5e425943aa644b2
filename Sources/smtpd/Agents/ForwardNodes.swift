// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Mail
internal import Policy

/// The entries of the forward file of the user who runs this, as forward(5) wants it: read anew each
/// time, with the checks that lookup's reader makes.
enum ForwardNodes {
  /// Why it names nothing.
  struct Failure: Error {
    let text: String
  }

  /// Its entries.
  static func read(home: String) throws(Failure) -> [ExpansionNode] {
    var file: CInt = -1
    // The call writes one number into the local variable.
    let outcome = unsafe talaria_open_forward(home, getuid(), &file)
    guard outcome == CInt(TALARIA_USER_FILE_CONTENT.rawValue), file >= 0 else {
      throw Failure(text: "~/.forward is not there, or not safe to follow")
    }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: ForwardFile.sizeMax + 1)
    // The array is as long as its count says.
    let count = unsafe Glibc.read(file, &bytes, bytes.count)
    guard count >= 0, count <= ForwardFile.sizeMax else {
      throw Failure(text: "~/.forward cannot be read")
    }
    do throws(NodeList.Fault) {
      return try NodeList(parsing: Array(bytes[..<count]), atMost: ExpansionLimits.nodesOfForward)
        .nodes
    } catch {
      throw Failure(text: "~/.forward: \(error)")
    }
  }
}
