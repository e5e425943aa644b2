// SPDX-License-Identifier: ISC

internal import NIOCore

/// Who is at the other end of a Unix socket, as the kernel says: the layout of Linux's `ucred`.
struct PeerCredentials: Sendable {
  let process: Int32
  let user: UInt32
  let group: UInt32

  /// Linux's number for SO_PEERCRED.
  private static let option = NIOBSDSocket.Option(rawValue: 17)

  static func read(from channel: any SocketOptionProvider) -> EventLoopFuture<PeerCredentials> {
    channel.unsafeGetSocketOption(level: .socket, name: option)
  }
}
