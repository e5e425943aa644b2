// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
package import Interprocess

/// Opens sockets that others accept on.
package enum ListeningSocket {
  package enum Limits {
    /// Connections that wait to be accepted.
    package static let backlog: CInt = 1024
  }

  /// Why there is no socket, in the operator's words.
  package struct Failure: Error, Equatable, Sendable {
    package let description: String
  }

  /// A TCP socket that listens on a numeric address.
  package static func tcp(address: String, port: UInt16) throws(Failure) -> Descriptor {
    var hints = unsafe addrinfo()
    unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    // The result is freed below, after its last use.
    guard unsafe getaddrinfo(address, String(port), &hints, &found) == 0, let info = unsafe found
    else { throw Failure(description: "\(address): not an address") }
    defer { unsafe freeaddrinfo(info) }
    let family = unsafe info.pointee.ai_family
    let number = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw Failure(description: "socket: \(systemError())") }
    let descriptor = Descriptor(owning: number)
    set(number, SOL_SOCKET, SO_REUSEADDR)
    if family == AF_INET6 { set(number, CInt(IPPROTO_IPV6), IPV6_V6ONLY) }
    guard unsafe bind(number, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else {
      throw Failure(description: "listen on \(address) port \(port): \(explanation(port))")
    }
    guard listen(number, Limits.backlog) == 0 else {
      throw Failure(description: "listen on \(address) port \(port): \(systemError())")
    }
    return descriptor
  }

  /// A stream socket at `path` with the mode given. A stale file is replaced, a live server is not.
  package static func local(path: String, mode: UInt32) throws(Failure) -> Descriptor {
    guard let (address, length) = unixAddress(path) else {
      throw Failure(description: "\(path): too long for a socket")
    }
    try expectNobody(at: path)
    _ = unsafe unlink(path)
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw Failure(description: "socket: \(systemError())") }
    let descriptor = Descriptor(owning: number)
    // Nobody may connect between bind and chmod.
    let before = umask(0o777)
    let result = bindUnix(number, address, length)
    umask(before)
    guard result == 0, unsafe chmod(path, mode) == 0, listen(number, Limits.backlog) == 0 else {
      throw Failure(description: "\(path): \(systemError())")
    }
    return descriptor
  }

  /// Throws, with its process id, when a live server answers at a local socket's path.
  package static func expectNobody(at path: String) throws(Failure) {
    guard let (address, length) = unixAddress(path) else { return }
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { return }
    defer { close(number) }
    var copy = address
    // A sockaddr_un is a sockaddr to connect(2), which reads `length` bytes of it.
    let answers = unsafe withUnsafePointer(to: &copy) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe connect(number, address, length) == 0
      }
    }
    guard answers else { return }
    var holder = pid_t(0)
    var (user, group) = (uid_t(0), gid_t(0))
    // The three are written during the call only. It is the process that listened last; 0 in
    // another process namespace.
    let known = unsafe talaria_peer_credentials(number, &holder, &user, &group) == 0 && holder > 0
    let process = known ? " (process \(holder))" : ""
    throw Failure(description: "\(path): another smtpd answers there\(process); stop it first")
  }

  private static func bindUnix(_ number: CInt, _ address: sockaddr_un, _ length: socklen_t) -> CInt
  {
    var copy = address
    // A sockaddr_un is a sockaddr to bind(2), which reads `length` bytes of it.
    return unsafe withUnsafePointer(to: &copy) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(number, address, length)
      }
    }
  }

  private static func unixAddress(_ path: String) -> (sockaddr_un, socklen_t)? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    // The path fits with its final NUL, as was just checked.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    return (address, socklen_t(MemoryLayout<sockaddr_un>.size))
  }

  private static func set(_ number: CInt, _ level: CInt, _ option: CInt) {
    var on: CInt = 1
    // The value is a CInt and its size is told.
    _ = unsafe setsockopt(number, level, option, &on, socklen_t(MemoryLayout<CInt>.size))
  }

  private static func explanation(_ port: UInt16) -> String {
    switch errno {
    case EADDRINUSE: "the port is in use"
    case EACCES: "permission denied (ports below 1024 need root)"
    case EADDRNOTAVAIL: "this host has no such address"
    default: systemError()
    }
  }
}
