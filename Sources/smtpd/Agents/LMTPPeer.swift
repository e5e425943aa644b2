// SPDX-License-Identifier: ISC

internal import Configuration
internal import Glibc
internal import Mail

/// A connection to an LMTP server that may block: for a program that does nothing else.
struct LMTPPeer {
  /// Why there is none.
  struct Failure: Error {
    let text: String
  }

  /// What came.
  enum Reception {
    case bytes([UInt8])
    case ended
    /// Nothing in time.
    case silence
  }

  private let socket: CInt

  /// Connects; a host's addresses are tried in turn.
  init(_ destination: DeliveryAction.LMTP.Destination) throws(Failure) {
    // A server that goes away is an error of write(2), not the end of this program.
    signal(SIGPIPE, SIG_IGN)
    switch destination {
    case .socket(let path): socket = try LMTPPeer.connect(toSocket: path)
    case .host(let host, let port): socket = try LMTPPeer.connect(to: host, port)
    }
  }

  private static func connect(toSocket path: String) throws(Failure) -> CInt {
    let number = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard number >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw Failure(text: "\(path): no such socket can be")
    }
    // The path fits with its final NUL, as was just checked.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    // A sockaddr_un is a sockaddr to connect(2), which reads as much of it as it is told.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe Glibc.connect(number, address, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw Failure(text: "Cannot connect to \(path)") }
    return number
  }

  private static func connect(
    to host: RelayURL.Host,
    _ port: UInt16
  ) throws(Failure) -> CInt {
    let name =
      switch host {
      case .name(let name): name
      case .address(let address): "\(address)"
      }
    // Null pointers only.
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    // The call makes a list, which is freed below.
    guard unsafe getaddrinfo(name, "\(port)", &hints, &found) == 0 else {
      throw Failure(text: "\(name): Host not found")
    }
    // Nothing of the list is used behind this function.
    defer { unsafe freeaddrinfo(found) }
    var next = unsafe found
    // Each entry lives as long as the list.
    while let entry = unsafe next {
      let number = unsafe Glibc.socket(
        entry.pointee.ai_family,
        entry.pointee.ai_socktype,
        entry.pointee.ai_protocol
      )
      // The address is as long as the entry says.
      if number >= 0,
        unsafe Glibc.connect(number, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0
      {
        return number
      }
      close(number)
      unsafe next = entry.pointee.ai_next
    }
    throw Failure(text: "Cannot connect to \(name):\(port)")
  }

  /// Returns whether all of it went out.
  func write(_ bytes: [UInt8]) -> Bool { LMTPPeer.write(bytes, to: socket) }

  /// Waits for something; nil is for ever.
  func receive(within limit: Duration?) -> Reception {
    var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    let milliseconds = limit.map { Int32(clamping: $0.wholeMilliseconds) } ?? -1
    // One structure, which is written during the call only.
    let count = unsafe poll(&watched, 1, milliseconds)
    guard count != 0 else { return .silence }
    guard let bytes = LMTPPeer.read(socket, atMost: 4096), !bytes.isEmpty else { return .ended }
    return .bytes(bytes)
  }

  static func write(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      // The bytes are read during the call only.
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Empty at the end; nil when it cannot be read.
  static func read(_ descriptor: CInt, atMost count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    while true {
      // The array is as long as its count says.
      let got = unsafe Glibc.read(descriptor, &bytes, bytes.count)
      if got < 0, errno == EINTR { continue }
      return got < 0 ? nil : Array(bytes[..<got])
    }
  }
}
