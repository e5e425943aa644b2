// SPDX-License-Identifier: ISC

internal import Configuration
internal import Control
internal import Disk
internal import Frontend
internal import Glibc
internal import Interprocess
internal import Lookup
internal import Mail
internal import Queue
internal import RolePromises
internal import Sandbox
internal import Spooler
internal import StoreFactory

/// Which service each role runs, made from its projection.
enum RoleComposition {
  static func run(_ role: Role) -> Never {
    RoleProcess.run(role) { identity, projection in
      try RolePromises.confinement(
        of: role,
        identity: identity,
        ports: role == .resolver ? nameServerPorts(projection) : nil
      )
    } make: { context, projection in
      switch role {
      case .supervisor: preconditionFailure("the supervisor is no role that is started")
      case .accounts: AccountsRole(context, try AccountsProjection(decoding: projection))
      case .resolver: try ResolverRole(context, ResolverProjection(decoding: projection))
      case .frontend:
        FrontendService(
          context: context,
          projection: try FrontendProjection(decoding: projection),
          descriptorsMax: descriptorsMax()
        )
      case .lookup:
        LookupService(context: context, projection: try LookupProjection(decoding: projection))
      case .queue: try queue(context, projection)
      case .delivery: DeliveryRole(context, try DeliveryProjection(decoding: projection))
      case .keys: KeysRole(context)
      case .control: ControlRole(context)
      }
    }
  }

  /// Where TCP may go in the resolver, which knows its servers from the start.
  private static func nameServerPorts(_ bytes: [UInt8]) throws -> [UInt16] {
    guard case .servers(let servers) = try ResolverProjection(decoding: bytes).settings else {
      return [53]
    }
    return servers.map(\.port)
  }

  private static func descriptorsMax() -> Int {
    var limit = rlimit()
    // The structure is written during the call only.
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return 1024
    }
    return Int(clamping: limit.rlim_cur)
  }

  private static func queue(
    _ context: RoleContext,
    _ bytes: [UInt8]
  ) throws -> any RoleService {
    let projection = try QueueProjection(decoding: bytes)
    let disk = try StoreFactory.disk(
      context.identity.spool,
      shownAs: context.identity.shownSpool
    )
    let backend = projection.backend
    return QueueService(
      context: context,
      projection: projection,
      disk: backend == .memory ? nil : disk,
      stage: StoreFactory.stage(backend, on: disk),
      seed: UInt64.random(in: 0...UInt64.max),
      settleBackend: { () throws(StoreError) in
        try BackendChoice.settle(backend, on: disk)
      }
    ) {
      StoreFactory.store(backend, on: disk)
    }
  }
}
