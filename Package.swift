// swift-tools-version: 6.2
// SPDX-License-Identifier: ISC

import PackageDescription

/// The settings of every Swift target: one list, so that no target is laxer than another.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("ImmutableWeakCaptures"),
]

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]

let package = Package(
  name: "talaria",
  products: [
    .executable(name: "smtpd", targets: ["smtpd"]),
    .executable(name: "smtpctl", targets: ["smtpctl"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
  ],
  targets: [
    // Pure modules: no NIO, no Glibc, no C.
    .target(name: "Configuration", dependencies: ["Mail"], swiftSettings: strict),
    .target(name: "Mail", swiftSettings: strict),
    .target(name: "Policy", dependencies: ["Configuration", "Mail"], swiftSettings: strict),
    .target(name: "Queue", dependencies: ["Mail"], swiftSettings: strict),
    .target(name: "Scheduler", dependencies: ["Mail"], swiftSettings: strict),
    .target(name: "SMTP", dependencies: ["Mail"], swiftSettings: strict),

    // Stores.
    .target(
      name: "FilesystemStore",
      dependencies: ["CLinux", "Mail", "Queue"],
      path: "Sources/Backends/Filesystem",
      swiftSettings: strict
    ),
    .target(
      name: "LMDBStore",
      dependencies: ["CLMDB", "CLinux", "Mail", "Queue"],
      path: "Sources/Backends/LMDB",
      swiftSettings: strict
    ),
    .target(
      name: "MemoryStore",
      dependencies: ["Mail", "Queue"],
      path: "Sources/Backends/Memory",
      swiftSettings: strict
    ),
    .target(
      name: "SQLiteStore",
      dependencies: ["CLinux", "CSQLite", "Mail", "Queue"],
      path: "Sources/Backends/SQLite",
      swiftSettings: strict
    ),

    // C.
    .target(name: "CLinux"),
    .systemLibrary(name: "CLMDB", providers: [.apt(["liblmdb-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CUnbound", providers: [.apt(["libunbound-dev"])]),
  ]
)
