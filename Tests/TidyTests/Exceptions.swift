// SPDX-License-Identifier: ISC

/// What the rules allow where, by name. The lists of exceptions can only shrink.
enum Exceptions {
  /// State machines that are longer than 400 lines.
  static let stateMachines = [
    "Sources/SMTP/Client/ClientSession.swift",
    "Sources/SMTP/Server/ServerSession.swift",
  ]

  /// What each module without effects may import.
  static let pureModules: [String: Set<String>] = [
    "Configuration": ["Mail"],
    "ControlProtocol": ["Mail", "Queue"],
    "Mail": ["Synchronization"],
    "Policy": ["Configuration", "Mail"],
    "Queue": ["Mail"],
    "SMTP": ["Mail"],
    "Scheduler": ["Mail"],
    "Submission": ["Mail"],
  ]

  /// The modules that run on the event loop.
  static let eventLoop: Set<String> = [
    "Control", "Delivery", "DNS", "Frontend", "Interprocess", "KeysEdge", "Lookup", "ResolverEdge",
    "Spooler", "TLS", "smtpd",
  ]

  /// The one module that calls a C library.
  static let libraryOwners = [
    "CLMDB": "Backends/LMDB",
    "CCrypt": "Passwords",
    "COpenSSL": "TLS",
    "CSandbox": "Sandbox",
    "CSeccomp": "Sandbox",
    "CSQLite": "Backends/SQLite",
    "CUnbound": "DNS",
  ]

  /// Folders and files below `Sources` that wrap calls of C.
  static let wrappers: [String] = [
    "Backends/Disk/LinuxDisk.swift",
    "Backends/LMDB/",
    "Backends/SQLite/Connection.swift",
    "Backends/SQLite/Statement.swift",
    "DNS/",
    "Delivery/Mailbox/MailboxFile.swift",
    "Delivery/Mailbox/MailboxKeeper.swift",
    "Delivery/Maildir/MaildirFile.swift",
    "Host/",
    "Interprocess/Runtime/",
    "Interprocess/Supervision/",
    "Lookup/Tables/TableFile.swift",
    "Passwords/",
    "Sandbox/Kernel/",
    "Sandbox/Sandbox.swift",
    "Sendmail/",
    "Supervisor/",
    "TLS/",
    "smtpctl/Connection/SystemCalls.swift",
    "smtpctl/Maps/MapFiles.swift",
    "smtpctl/Store/SpoolFiles.swift",
    "smtpd/",
  ]

  /// How many declarations of a module have no doc comment yet.
  static let undocumented: [String: Int] = [
    "Backends/Disk": 77,
    "Backends/Filesystem": 32,
    "Backends/LMDB": 4,
    "Backends/Memory": 14,
    "Backends/SQLite": 2,
    "Backends/Tables": 23,
    "Configuration": 139,
    "Control": 5,
    "ControlProtocol": 21,
    "DNS": 18,
    "Delivery": 158,
    "Frontend": 4,
    "Interprocess": 36,
    "Lookup": 3,
    "Mail": 46,
    "Policy": 11,
    "Queue": 78,
    "ResolverEdge": 4,
    "SMTP": 65,
    "Scheduler": 51,
    "Spooler": 15,
    "Supervisor": 23,
    "smtpctl": 12,
    "smtpd": 2,
  ]
}
