// SPDX-License-Identifier: ISC

package import NIOCore

/// Who is at the other end of a Unix socket, as the kernel says: the layout of Linux's `ucred`.
package struct PeerCredentials: Sendable {
  private let process: Int32
  /// The user that the process had when it connected.
  package let user: UInt32
  private let group: UInt32

  /// Linux's number for SO_PEERCRED.
  private static let option = NIOBSDSocket.Option(rawValue: 17)

  /// Of the peer of a connection; fails where that is no Unix socket.
  package static func read(
    from channel: any Channel
  ) -> EventLoopFuture<PeerCredentials> {
    guard let options = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeFailedFuture(NIOCore.ChannelError.operationUnsupported)
    }
    return options.unsafeGetSocketOption(level: .socket, name: option)
  }
}
