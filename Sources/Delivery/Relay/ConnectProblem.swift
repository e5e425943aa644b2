// SPDX-License-Identifier: ISC

import Glibc
import NIOCore

/// Why a connection to a relay did not come about, in words for the log and for notices.
enum ConnectProblem {
  static func text(of error: any Error) -> String {
    switch error {
    case let error as IOError: text(ofErrno: error.errnoCode)
    case ChannelError.connectTimeout: "Connection timed out"
    default: DeliveryText.sanitized("\(error)")
    }
  }

  private static func text(ofErrno number: CInt) -> String {
    switch number {
    case ECONNREFUSED: "Connection refused"
    case ECONNRESET: "Connection reset by peer"
    case EHOSTUNREACH, EHOSTDOWN: "No route to host"
    case ENETUNREACH, ENETDOWN: "Network is unreachable"
    case ETIMEDOUT: "Connection timed out"
    case EADDRNOTAVAIL: "The source address is not of this host"
    case EACCES, EPERM: "Connections there are forbidden"
    case ENOENT: "There is no such socket"
    case EMFILE, ENFILE: "Too many open files"
    default: "Error \(number)"
    }
  }
}
