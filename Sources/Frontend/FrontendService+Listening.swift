// SPDX-License-Identifier: ISC

internal import Configuration
package import Interprocess
internal import KeysEdge
internal import NIOCore
internal import NIOPosix

/// What the supervisor hands over: listeners, and certificates for them.
extension FrontendService {
  /// See `RoleService`.
  package func received(_ message: SupervisorToRole, descriptors: [CInt]) {
    switch message {
    case .listeners(let first): listen(on: descriptors, from: Int(first))
    case .certificates where descriptors.count == 1: useCertificates(descriptors[0])
    default: for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
    }
  }

  private func useCertificates(_ descriptor: CInt) {
    guard let bytes = SealedFile.read(descriptor),
      let package = try? CertificatePackage(decoding: bytes)
    else { return context.log.warn("frontend: certificates from nowhere") }
    let faults = tls.use(package)
    for fault in faults { context.log.warn("frontend: \(fault)") }
    // A listener that keeps what it had needs the key of that.
    if faults.isEmpty { keys.shows(package.generation) }
  }

  private func listen(on descriptors: [CInt], from first: Int) {
    for (offset, descriptor) in descriptors.enumerated() {
      guard projection.listeners.indices.contains(first + offset) else {
        listenLocally(on: descriptor)
        continue
      }
      listen(on: descriptor, as: projection.listeners[first + offset])
    }
  }

  private func listen(on descriptor: CInt, as listener: FrontendProjection.Listener) {
    let me = NIOLoopBound(self, eventLoop: context.loop)
    ServerBootstrap(group: context.loop)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.maxMessagesPerRead, value: 64)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 65_536)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try me.value.admit(channel, by: listener)
        }
      }
      .withBoundSocket(descriptor)
      .assumeIsolated()
      .whenComplete { [self] result in
        switch result {
        case .success(let server):
          servers.append(server)
          if !isListening { _ = server.setOption(.autoRead, value: false) }
        case .failure(let error):
          context.log.warn("frontend: listen on \(listener.address): \(error)")
        }
      }
  }
}
