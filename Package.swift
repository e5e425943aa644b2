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
    .executable(name: "smtpd-pam", targets: ["smtpd-pam"]),
  ],
  traits: [
    .trait(
      name: "SandboxLogs",
      description: "Log broken promises unasked, and let them through: to port, and no protection."
    ),
    .trait(name: "Seccomp", description: "Filter the roles' system calls, by libseccomp."),
    .default(enabledTraits: ["Seccomp"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0")
  ],
  targets: [
    // Pure modules: no NIO, no Glibc, no C.
    .target(name: "Configuration", dependencies: ["Mail"], swiftSettings: strict),
    .target(name: "ControlProtocol", dependencies: ["Mail", "Queue"], swiftSettings: strict),
    .target(name: "Mail", swiftSettings: strict),
    .target(name: "Policy", dependencies: ["Configuration", "Mail"], swiftSettings: strict),
    .target(name: "Queue", dependencies: ["Mail"], swiftSettings: strict),
    .target(name: "Scheduler", dependencies: ["Mail"], swiftSettings: strict),
    .target(name: "SMTP", dependencies: ["Mail"], swiftSettings: strict),
    .target(name: "Submission", dependencies: ["Mail"], swiftSettings: strict),

    // Stores.
    .target(
      name: "Disk",
      dependencies: ["CLinux", "Mail", "Queue"],
      path: "Sources/Backends/Disk",
      swiftSettings: strict
    ),
    .target(
      name: "FilesystemStore",
      dependencies: ["Disk", "Mail", "Queue", "StoreJournal"],
      path: "Sources/Backends/Filesystem",
      swiftSettings: strict
    ),
    .target(
      name: "LMDBStore",
      dependencies: ["CLMDB", "Disk", "Mail", "Queue", "StoreJournal", "TableStore"],
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
      dependencies: ["CSQLite", "Disk", "Mail", "Queue", "TableStore"],
      path: "Sources/Backends/SQLite",
      swiftSettings: strict
    ),
    .target(
      name: "StoreFactory",
      dependencies: [
        "CLinux", "Configuration", "Disk", "FilesystemStore", "LMDBStore", "Mail", "MemoryStore",
        "Queue", "SQLiteStore", "TableStore",
      ],
      path: "Sources/Backends/All",
      swiftSettings: strict
    ),
    .target(
      name: "StoreJournal",
      dependencies: ["Disk", "Mail"],
      path: "Sources/Backends/Journal",
      swiftSettings: strict
    ),
    .target(
      name: "TableStore",
      dependencies: ["Disk", "Mail", "Queue"],
      path: "Sources/Backends/Tables",
      swiftSettings: strict
    ),

    // Adapters.
    .target(
      name: "Control",
      dependencies: ["CLinux", "ControlProtocol", "Interprocess", "Mail", "Queue"] + nio,
      swiftSettings: strict
    ),
    .target(
      name: "Delivery",
      dependencies: ["CLinux", "DNS", "Mail", "SMTP", "TLS"] + nio,
      swiftSettings: strict
    ),
    .target(
      name: "DNS",
      dependencies: ["CLinux", "CUnbound", "Mail"] + nio,
      swiftSettings: strict
    ),
    .target(
      name: "Frontend",
      dependencies: [
        "Configuration", "ControlProtocol", "DNS", "Interprocess", "KeysEdge", "Mail",
        "ResolverEdge", "SMTP", "TLS",
      ] + nio,
      swiftSettings: strict
    ),
    .target(
      name: "Host",
      dependencies: ["CLinux", "Configuration", "Mail"],
      swiftSettings: strict
    ),
    .target(
      name: "Interprocess",
      dependencies: ["CLinux", "ControlProtocol", "Mail", "Queue", "Sandbox"] + nio,
      swiftSettings: strict
    ),
    .target(
      name: "KeysEdge",
      dependencies: ["Interprocess", "Mail", "TLS"] + nio,
      swiftSettings: strict
    ),
    .target(
      name: "Lookup",
      dependencies: [
        "Configuration", "ControlProtocol", "Interprocess", "Mail", "Passwords", "Policy",
        "ResolverEdge",
      ] + nio,
      swiftSettings: strict
    ),
    .target(name: "Passwords", dependencies: ["CCrypt", "Mail"], swiftSettings: strict),
    .target(
      name: "ResolverEdge",
      dependencies: [
        "DNS", "Interprocess", "Mail", .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),
    .target(
      name: "RolePromises",
      dependencies: ["Interprocess", "Sandbox"],
      path: "Sources/smtpd/Promises",
      swiftSettings: strict
    ),
    .target(
      name: "Sandbox",
      dependencies: [
        "CSandbox", .target(name: "CSeccomp", condition: .when(traits: ["Seccomp"])),
      ],
      swiftSettings: strict
    ),
    .target(
      name: "Sendmail",
      dependencies: ["CLinux", "ControlProtocol", "Mail", "SMTP", "Submission"],
      swiftSettings: strict
    ),
    .target(
      name: "Spooler",
      dependencies: [
        "Configuration", "ControlProtocol", "Disk", "Interprocess", "Mail", "Queue", "Scheduler",
      ] + nio,
      swiftSettings: strict
    ),
    .target(
      name: "Supervisor",
      dependencies: ["CLinux", "Configuration", "Interprocess", "Mail"],
      swiftSettings: strict
    ),
    .target(
      name: "TLS",
      dependencies: ["COpenSSL", .product(name: "NIOCore", package: "swift-nio")],
      swiftSettings: strict
    ),

    // Programs.
    .executableTarget(
      name: "smtpctl",
      dependencies: [
        "CLinux", "Configuration", "ControlProtocol", "Disk", "Host", "LMDBStore", "Mail",
        "Passwords", "Policy", "Queue", "Sendmail", "StoreFactory", "Submission",
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "smtpd",
      dependencies: [
        "CLinux", "Configuration", "Control", "ControlProtocol", "DNS", "Delivery", "Disk",
        "Frontend", "Host", "Interprocess", "KeysEdge", "Lookup", "Mail", "Passwords", "Policy",
        "Queue", "ResolverEdge", "RolePromises", "Sandbox", "Sendmail", "Spooler", "StoreFactory",
        "Submission", "Supervisor", "TLS",
      ] + nio,
      exclude: ["Promises"],
      swiftSettings: strict
    ),

    // In C, and alone, so that nothing else needs libpam.
    .executableTarget(name: "smtpd-pam", linkerSettings: [.linkedLibrary("pam")]),

    // Benchmarks.
    .executableTarget(
      name: "RecipientBenchmark",
      dependencies: ["Mail", "SMTP"],
      path: "Benchmarks/Recipients",
      swiftSettings: strict
    ),
    .executableTarget(
      name: "LookupBenchmark",
      dependencies: ["CLinux", "Configuration", "Interprocess", "Lookup", "Mail", "Policy"] + nio,
      path: "Benchmarks/Lookup",
      swiftSettings: strict
    ),
    .executableTarget(
      name: "SchedulerBenchmark",
      dependencies: ["Mail", "Scheduler"],
      path: "Benchmarks/Scheduler",
      swiftSettings: strict
    ),
    .executableTarget(
      name: "SpoolGenerator",
      dependencies: ["Configuration", "Mail", "Queue", "StoreFactory"],
      path: "Benchmarks/Spool",
      swiftSettings: strict
    ),
    .executableTarget(
      name: "StoreBenchmark",
      dependencies: [
        "Disk", "FilesystemStore", "LMDBStore", "Mail", "MemoryStore", "Queue", "SQLiteStore",
        "TableStore",
      ],
      path: "Benchmarks/Store",
      swiftSettings: strict
    ),

    .executableTarget(
      name: "TLSBenchmark",
      dependencies: [
        "TLS",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ],
      path: "Benchmarks/TLS",
      swiftSettings: strict
    ),

    // Tests.
    .testTarget(
      name: "BackendTests",
      dependencies: [
        "Configuration", "Disk", "FilesystemStore", "LMDBStore", "Mail", "MemoryStore", "Queue",
        "SQLiteStore", "StoreFactory", "StoreJournal", "TableStore",
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "ConfigurationTests",
      dependencies: ["Configuration", "Mail", "TestFiles"],
      exclude: ["Corpus"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "ControlProtocolTests",
      dependencies: ["ControlProtocol", "Mail", "Queue"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "ControlTests",
      dependencies: [
        "Control", "ControlProtocol",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "DeliveryTests",
      dependencies: [
        "DNS", "Delivery", "Mail", "SMTP", "TLS",
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ] + nio,
      swiftSettings: strict
    ),
    .testTarget(name: "DiskTests", dependencies: ["Disk", "Mail", "Queue"], swiftSettings: strict),
    .testTarget(name: "DNSTests", dependencies: ["DNS", "Mail"] + nio, swiftSettings: strict),
    .testTarget(
      name: "FilesystemStoreTests",
      dependencies: ["Disk", "FilesystemStore", "Mail", "Queue"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "FrontendTests",
      dependencies: [
        "Frontend", "Mail", "SMTP",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "COpenSSL", "Configuration", "ControlProtocol", "FilesystemStore", "Interprocess",
        "LMDBStore", "Mail", "Policy", "Queue", "ResolverEdge", "SMTP", "Submission", "TestFiles",
      ],
      path: "Fuzz",
      exclude: ["run"]
        + [
          "Configuration", "Envelope", "Frame", "Journal", "LMDB", "Map", "Proxy", "Reply",
          "SMTPLine", "Submission", "TLSRecord",
        ].flatMap {
          ["\($0)/Corpus", "\($0)/Entry.swift"]
        },
      swiftSettings: strict
    ),
    .testTarget(
      name: "InterprocessTests",
      dependencies: ["CLinux", "Interprocess", "Mail", "Queue"] + nio,
      swiftSettings: strict
    ),
    .testTarget(
      name: "KeysEdgeTests",
      dependencies: [
        "Interprocess", "KeysEdge", "Mail", "TLS",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "LookupTests",
      dependencies: [
        "AllocationCount", "CLinux", "Configuration", "Interprocess", "LMDBStore", "Lookup", "Mail",
        "Policy", "Supervisor",
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ] + nio,
      swiftSettings: strict
    ),
    .testTarget(name: "MailTests", dependencies: ["Mail"], swiftSettings: strict),
    .testTarget(
      name: "PasswordsTests",
      dependencies: ["Mail", "Passwords"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "PolicyTests",
      dependencies: ["AllocationCount", "Configuration", "LMDBStore", "Mail", "Policy"],
      swiftSettings: strict
    ),
    .testTarget(name: "QueueTests", dependencies: ["Mail", "Queue"], swiftSettings: strict),
    .executableTarget(
      name: "SandboxProbe",
      dependencies: ["CProbe", "Interprocess", "RolePromises", "Sandbox"],
      path: "Tests/SandboxProbe/Program",
      swiftSettings: strict
    ),
    .testTarget(
      name: "SandboxTests",
      dependencies: [
        "CLinux", "CProbe", "Interprocess", "RolePromises", "Sandbox", "SandboxProbe",
        "Supervisor", "TestFiles",
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "SchedulerTests",
      dependencies: ["Mail", "Scheduler"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "SmtpctlTests",
      dependencies: [
        "Configuration", "ControlProtocol", "Disk", "Mail", "Policy", "Queue", "smtpctl",
        "StoreFactory",
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "SMTPTests",
      dependencies: ["Mail", "SMTP", "TestFiles"],
      exclude: ["Dialogs"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "SpoolerTests",
      dependencies: [
        "CLinux", "Configuration", "ControlProtocol", "Disk", "Interprocess", "Mail", "MemoryStore",
        "Queue", "Spooler", "StoreFactory",
      ] + nio,
      swiftSettings: strict
    ),
    .testTarget(
      name: "SubmissionTests",
      dependencies: ["Mail", "Submission"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "SupervisorTests",
      dependencies: ["CLinux", "Interprocess", "Supervisor"],
      swiftSettings: strict
    ),
    .target(name: "TestFiles", path: "Tests/TestFiles", swiftSettings: strict),
    .testTarget(name: "TidyTests", dependencies: ["TestFiles"], swiftSettings: strict),
    .testTarget(
      name: "TLSTests",
      dependencies: [
        "TLS",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),

    // C.
    .target(name: "AllocationCount", path: "Tests/AllocationCount"),
    .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
    .target(name: "CLinux"),
    .target(
      name: "COpenSSL",
      linkerSettings: [.linkedLibrary("crypto"), .linkedLibrary("ssl")]
    ),
    .systemLibrary(name: "CLMDB", providers: [.apt(["liblmdb-dev"])]),
    .target(name: "CProbe", path: "Tests/SandboxProbe/C"),
    .target(name: "CSandbox"),
    .systemLibrary(name: "CSeccomp", providers: [.apt(["libseccomp-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CUnbound", providers: [.apt(["libunbound-dev"])]),
  ]
)
