// SPDX-License-Identifier: ISC

internal import Glibc

/// Connects standard input, a stream socket, to a local socket: `connect PATH`, run as the user whose
/// rights count there. The exit status is zero, or what errno said.
enum SocketConnection {
  static func run(_ arguments: [String]) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard arguments.count == 1 else { return EINVAL }
    let bytes = Array(arguments[0].utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return ENAMETOOLONG }
    // The path fits with its final NUL, as was just checked.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    // A sockaddr_un is a sockaddr to connect(2), which reads as much of it as it is told.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe Glibc.connect(STDIN_FILENO, address, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return result == 0 ? 0 : errno
  }
}
