// SPDX-License-Identifier: ISC

import Glibc
import Mail
import NIOCore
import NIOPosix
import SMTP

/// Makes the channels of sessions with local sockets: this role sees no file system, so the supervisor
/// connects them, as the user of the action, and hands them over. One event loop.
final class LocalSocketConnector {
  /// Why there is no connection, in words for a log.
  struct Refusal: Error, CustomStringConvertible {
    let description: String
  }

  private struct Waiting {
    let handler: RelaySessionHandler
    let promise: EventLoopPromise<any Channel>
  }

  private unowned let service: DeliveryService
  private var waiting: [UInt64: Waiting] = [:]

  init(_ service: DeliveryService) { self.service = service }

  /// The handler is in the pipeline before the first byte arrives.
  func connect(
    _ action: String,
    handler: RelaySessionHandler
  ) -> EventLoopFuture<any Channel> {
    let request = service.nextRequest()
    let promise = service.eventLoop.makePromise(of: (any Channel).self)
    waiting[request] = Waiting(handler: handler, promise: promise)
    service.emit(.connectSocket(request: request, action: action))
    return promise.futureResult
  }

  /// Takes the descriptor over.
  func connected(_ request: UInt64, _ descriptor: CInt) {
    guard let entry = waiting.removeValue(forKey: request) else {
      close(descriptor)
      return
    }
    let loop = service.eventLoop
    ClientBootstrap(group: loop)
      .channelInitializer { [handler = NIOLoopBound(entry.handler, eventLoop: loop)] channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(handler.value)
        }
      }
      .withConnectedSocket(descriptor)
      .cascade(to: entry.promise)
  }

  /// Returns whether the request was one of these.
  func ended(_ request: UInt64, _ exit: CommandExit) -> Bool {
    guard let entry = waiting.removeValue(forKey: request) else { return false }
    if case .refused(let reason) = exit {
      entry.promise.fail(Refusal(description: reason))
    } else {
      entry.promise.fail(Refusal(description: "not connected"))
    }
    return true
  }

  /// The supervisor is gone, and with it what it was asked for.
  func abandon() {
    for request in Array(waiting.keys) {
      _ = ended(request, .refused("the supervisor is restarting"))
    }
  }
}

extension ClientRecipient {
  /// A recipient on this host: notices about it are ours to give, and the server's none.
  init(local envelope: Envelope, _ form: LMTPAction.Recipient) {
    switch (form, envelope.kind) {
    case (.user, .local(let delivery)):
      self.init(address: Address(local: delivery.user, domain: ""))
      self.form = .name
    default:
      self.init(address: envelope.destination)
    }
  }
}
