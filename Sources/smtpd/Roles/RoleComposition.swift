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
internal import Spooler
internal import StoreFactory

/// Which service each role runs, made from its projection.
enum RoleComposition {
  static func run(_ role: Role) -> Never {
    RoleProcess.run(role) { context, projection in
      switch role {
      case .supervisor: preconditionFailure("the supervisor is no role that is started")
      case .accounts: AccountsRole(context)
      case .resolver: try ResolverRole(context, ResolverProjection(decoding: projection))
      case .frontend:
        FrontendService(
          context: context,
          projection: try FrontendProjection(decoding: projection),
          descriptorsMax: descriptorsMax()
        )
      case .lookup: try lookup(context, projection)
      case .queue: try queue(context, projection)
      case .delivery: DeliveryRole(context, try DeliveryProjection(decoding: projection))
      case .keys: KeysRole(context)
      case .control: ControlRole(context)
      }
    }
  }

  private static func descriptorsMax() -> Int {
    var limit = rlimit()
    // The structure is written during the call only.
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return 1024
    }
    return Int(clamping: limit.rlim_cur)
  }

  private static func lookup(
    _ context: RoleContext,
    _ bytes: [UInt8]
  ) throws -> any RoleService {
    let package = try LookupPackage(decoding: bytes)
    return LookupService(
      context: context,
      projection: try LookupProjection(decoding: package.projection),
      files: package.files
    )
  }

  private static func queue(
    _ context: RoleContext,
    _ bytes: [UInt8]
  ) throws -> any RoleService {
    let projection = try QueueProjection(decoding: bytes)
    let spool = context.identity.spool
    let backend = projection.backend
    return QueueService(
      context: context,
      projection: projection,
      disk: backend == .memory ? nil : try LinuxDisk(root: spool),
      stage: try StoreFactory.stage(backend, spool: spool),
      seed: UInt64.random(in: 0...UInt64.max)
    ) { () throws(StoreError) in
      try StoreFactory.store(backend, spool: spool)
    }
  }
}
