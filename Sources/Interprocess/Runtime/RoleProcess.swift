// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Mail
package import NIOCore
internal import NIOPosix
package import Sandbox
internal import Synchronization

/// What a role does with what the supervisor tells it. Lives on the role's event loop.
package protocol RoleService: AnyObject {
  /// A new edge; the service owns the descriptor from now on.
  func connect(to peer: Role, generation: UInt32, descriptor: CInt)

  /// Anything else; the descriptors are the service's.
  func received(_ message: SupervisorToRole, descriptors: [CInt])

  /// End cleanly; call `finished` when nothing is left to do.
  func stop(within milliseconds: UInt32, finished: @escaping () -> Void)
}

/// What a role has at hand: its loop, its log, its way to the supervisor.
package struct RoleContext: Sendable {
  package let role: Role
  package let identity: RoleIdentity
  package let loop: any EventLoop
  package let log: Log
  private let channel: SupervisorChannel

  package init(
    role: Role,
    identity: RoleIdentity,
    loop: any EventLoop,
    log: Log,
    channel: SupervisorChannel
  ) {
    self.role = role
    self.identity = identity
    self.loop = loop
    self.log = log
    self.channel = channel
  }

  /// Tells the supervisor something. A supervisor that is gone ends the process elsewhere.
  package func tell(_ message: RoleToSupervisor) {
    var writer = ByteWriter()
    message.encode(into: &writer)
    do throws(ChannelError) {
      try channel.send(writer.finish(), .blocking)
    } catch {
      log.debug("\(role.rawValue): supervisor: \(error)")
    }
  }

  /// To be called when an edge to `peer` ended: says why, and asks for another one when it broke while
  /// both roles live. One whose peer died comes anew by itself.
  package func report<Outgoing, Incoming>(
    _ ending: Edge<Outgoing, Incoming>.Ending,
    of peer: Role
  ) {
    guard case .violated(let why) = ending else { return }
    log.warn("\(role.rawValue): the edge to \(peer.rawValue) broke: \(why)")
    tell(.edgeBroken(peer: peer))
  }

  /// Ends the process at once, as when `text` makes all further work senseless.
  package func giveUp(_ text: String) {
    tell(.impossible(text))
  }
}

/// A role's process from its first instruction: identity, confinement, event loop, and the thread that
/// listens to the supervisor.
///
/// Order: configuration → root, group and user → the kernel's hold (`Sandbox`) → only then threads.
package enum RoleProcess {
  /// Runs the role until the supervisor closes the channel. Never returns.
  ///
  /// - Parameters:
  ///   - confinement: what the process is confined to, from what it was handed.
  ///   - make: makes the service from its projection, on the loop.
  package static func run(
    _ role: Role,
    confinement: (RoleIdentity, [UInt8]) throws -> Confinement,
    make: @escaping @Sendable (RoleContext, [UInt8]) throws -> any RoleService
  ) -> Never {
    talaria_unblock_signals()
    talaria_tune_memory()
    signal(SIGPIPE, SIG_IGN)
    _ = talaria_raise_descriptor_limit()
    let channel = SupervisorChannel(descriptor: SupervisorChannel.inheritedDescriptor)
    hide(role)
    let (identity, projection) = configuration(of: role, from: channel)
    become(identity, role)
    do {
      _ = try Sandbox.enter(try confinement(identity, projection))
    } catch {
      die("\(role.rawValue): sandbox: \(error)")
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let context = RoleContext(
      role: role,
      identity: identity,
      loop: loop,
      log: Log(on: loop),
      channel: channel
    )
    let service = ServiceBox(loop: loop)
    loop.execute {
      do {
        service.adopt(try make(context, projection))
      } catch {
        die("\(role.rawValue): the projection: \(error)")
      }
    }
    listen(to: channel, for: service, in: context)
  }

  private enum Limits {
    /// Descriptors that were received and the loop has not taken. A message with as many as it may have can
    /// come on top of them, and all of it has room in what every role may have open.
    static let untaken = 64
  }

  /// Before the role knows anything that is worth a look.
  private static func hide(_ role: Role) {
    do throws(SandboxError) {
      try Sandbox.conceal()
      try Sandbox.closeDescriptors(from: UInt32(SupervisorChannel.inheritedDescriptor) + 1)
    } catch {
      die("\(role.rawValue): sandbox: \(error)")
    }
  }

  private static func configuration(
    of role: Role,
    from channel: SupervisorChannel
  ) -> (RoleIdentity, [UInt8]) {
    do throws(ChannelError) {
      guard let (bytes, descriptors) = try channel.receive(.blocking) else { exit(1) }
      var reader = ByteReader(bytes)
      guard case .configure(let identity)? = try? SupervisorToRole(decoding: &reader),
        let file = descriptors.first, let projection = SealedFile.read(file)
      else { die("\(role.rawValue): the first message was no configuration") }
      return (identity, projection)
    } catch {
      guard error != .closed else { exit(1) }
      die("\(role.rawValue): the supervisor's channel: \(error)")
    }
  }

  private static func become(_ identity: RoleIdentity, _ role: Role) {
    guard let uid = identity.uid, let gid = identity.gid else {
      // One that stays root has no business where the service was started. The path is a constant.
      if geteuid() == 0, unsafe chdir("/") != 0 { die("\(role.rawValue): chdir: \(systemError())") }
      return
    }
    // A name of a step, static in C.
    var step: UnsafePointer<CChar>?
    let result = unsafe talaria_become(identity.root, uid, gid, &step)
    guard result != 0 else { return }
    let name = unsafe step.map { unsafe String(cString: $0) } ?? "identity"
    die("\(role.rawValue): \(name): \(systemError())")
  }

  private static func listen(
    to channel: SupervisorChannel,
    for service: ServiceBox,
    in context: RoleContext
  ) -> Never {
    var untaken = 0
    while true {
      do throws(ChannelError) {
        guard let (bytes, descriptors) = try channel.receive(.blocking) else { continue }
        var reader = ByteReader(bytes)
        let message = try? SupervisorToRole(decoding: &reader)
        guard let message else { die("\(context.role.rawValue): a message from nowhere") }
        context.loop.execute { service.handle(message, descriptors, in: context) }
        untaken += descriptors.count
      } catch {
        // The supervisor is gone, and with it everybody else.
        guard error != .closed else { exit(0) }
        die("\(context.role.rawValue): the supervisor's channel: \(error)")
      }
      guard untaken > Limits.untaken else { continue }
      // Behind all of them: the loop has them then, or has closed them.
      _ = try? context.loop.submit {}.wait()
      untaken = 0
    }
  }

  /// Ends the process with a line for the log.
  package static func die(_ text: String) -> Never {
    let line = Array("fatal: \(text)\n".utf8)
    // The array is written from during the call only.
    _ = unsafe write(STDERR_FILENO, line, line.count)
    exit(1)
  }
}

/// Holds the service, which belongs to the loop, for closures that travel to it.
private final class ServiceBox: Sendable {
  private let service: NIOLoopBoundBox<(any RoleService)?>

  init(loop: any EventLoop) {
    service = NIOLoopBoundBox.makeEmptyBox(valueType: (any RoleService).self, eventLoop: loop)
  }

  func adopt(_ service: any RoleService) { self.service.value = service }

  func handle(_ message: SupervisorToRole, _ descriptors: [CInt], in context: RoleContext) {
    guard let service = service.value else { return }
    switch message {
    case .edge(let peer, let generation):
      guard let descriptor = descriptors.first else { return }
      service.connect(to: peer, generation: generation, descriptor: descriptor)
    case .verbosity(let level):
      context.log.setVerbosity(level)
    case .stop(let milliseconds):
      service.stop(within: milliseconds) {
        context.log.flushNow()
        exit(0)
      }
    default:
      service.received(message, descriptors: descriptors)
    }
  }
}
