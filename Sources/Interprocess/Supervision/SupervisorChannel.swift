// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc

/// Why a supervisor channel could not do its work.
package enum ChannelError: Error, Equatable, Sendable {
  /// The other end is gone.
  case closed
  /// The other end does not read; nothing was sent.
  case full
  case failed(String)
}

extension ChannelError: CustomStringConvertible {
  /// For the log.
  package var description: String {
    switch self {
    case .closed: "the other end is gone"
    case .full: "the other end does not read"
    case .failed(let reason): reason
    }
  }
}

/// A socket that keeps message boundaries and carries descriptors: between the supervisor and a role.
///
/// One message is one datagram of at most `messageMax` bytes; what is larger travels as a sealed
/// in-memory file.
package struct SupervisorChannel: Sendable {
  package static let messageMax = 64 << 10

  package enum Waiting: Sendable {
    case blocking
    case immediate
  }

  /// The number of the channel in a started role.
  package static let inheritedDescriptor: CInt = 3

  package let descriptor: CInt

  package init(descriptor: CInt) {
    self.descriptor = descriptor
  }

  /// Two connected ends: the supervisor's and the role's.
  package static func makePair() throws(ChannelError) -> (SupervisorChannel, SupervisorChannel) {
    var ends: [CInt] = [-1, -1]
    // The call writes two numbers into an array of two.
    guard unsafe talaria_message_pair(&ends) == 0 else { throw .failed(systemError()) }
    return (SupervisorChannel(descriptor: ends[0]), SupervisorChannel(descriptor: ends[1]))
  }

  /// Sends one message. The descriptors stay open here.
  package func send(
    _ bytes: [UInt8],
    descriptors: [CInt] = [],
    _ waiting: Waiting
  ) throws(ChannelError) {
    precondition(bytes.count <= SupervisorChannel.messageMax)
    // Both arrays are read only during the call, for the lengths given.
    let result = unsafe talaria_send_message(
      descriptor,
      bytes,
      bytes.count,
      descriptors,
      descriptors.count,
      waiting == .blocking ? 1 : 0
    )
    guard result != 0 else { return }
    switch errno {
    case EPIPE, ECONNRESET, ENOTCONN: throw .closed
    case EAGAIN, ENOBUFS: throw .full
    default: throw .failed(systemError())
    }
  }

  /// One message with its descriptors, which are the caller's; nil when nothing is there and
  /// `immediate` was asked for.
  package func receive(
    _ waiting: Waiting
  ) throws(ChannelError) -> (bytes: [UInt8], descriptors: [CInt])? {
    var bytes = [UInt8](repeating: 0, count: SupervisorChannel.messageMax)
    var descriptors = [CInt](repeating: -1, count: Int(TALARIA_DESCRIPTORS_MAX))
    var count = descriptors.count
    // The arrays are as large as the lengths say.
    let length = unsafe talaria_receive_message(
      descriptor,
      &bytes,
      bytes.count,
      &descriptors,
      &count,
      waiting == .blocking ? 1 : 0
    )
    if length < 0 {
      switch errno {
      case EAGAIN: return nil
      case ECONNRESET: throw .closed
      case EMSGSIZE: throw .failed("no room for a message, or for the files that came with it")
      default: throw .failed(systemError())
      }
    }
    guard length > 0 else { throw .closed }
    return (Array(bytes[..<length]), Array(descriptors[..<count]))
  }

  /// One message, for which so much time is given; nil when none has come by then.
  package func receive(
    within milliseconds: Int64
  ) throws(ChannelError) -> (bytes: [UInt8], descriptors: [CInt])? {
    let deadline = Clock.rising() + milliseconds
    var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      let rest = max(0, deadline - Clock.rising())
      // One entry, for the length of the call.
      let ready = unsafe poll(&watched, 1, CInt(clamping: rest))
      if ready > 0 || rest == 0 { return try receive(.immediate) }
    }
  }

  /// Ends both directions for both ends; the descriptor stays.
  package func shutDown() { _ = shutdown(descriptor, CInt(SHUT_RDWR)) }

  /// Ends both directions, so that a thread that waits on it returns.
  package func close() {
    _ = Glibc.close(descriptor)
  }
}

/// What `errno` says, in words.
package func systemError(_ number: CInt = errno) -> String {
  // strerror's text is copied before any other call.
  guard let text = unsafe strerror(number) else { return "error \(number)" }
  return unsafe String(cString: text)
}
