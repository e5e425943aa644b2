// SPDX-License-Identifier: ISC

import CUnbound

/// A libunbound context with its worker thread: the only place where libunbound is called.
///
/// Confined to one thread after `init`. Results come from inside `process`.
@safe
final class UnboundContext {
  typealias Completion = (RecordAnswer) -> Void

  /// What libunbound carries from a query to its result.
  private final class Ticket {
    let completion: Completion
    let limits: ResolverLimits
    var id: Int32 = 0
    unowned let owner: UnboundContext

    init(_ completion: @escaping Completion, limits: ResolverLimits, owner: UnboundContext) {
      self.completion = completion
      self.limits = limits
      self.owner = owner
    }
  }

  private let context: OpaquePointer
  private let limits: ResolverLimits
  /// Keeps the tickets alive that libunbound has pointers to.
  private var tickets: [Int32: Ticket] = [:]

  enum Validation {
    case none
    case with(anchor: String)
  }

  init(
    _ configuration: ResolverConfiguration,
    _ validation: Validation
  ) throws(ResolverError) {
    // The pointer is checked for nil, owned by this object alone and deleted with it.
    guard let created = unsafe ub_ctx_create() else {
      throw .system(call: "ub_ctx_create", code: 0)
    }
    unsafe context = created
    limits = configuration.limits
    try configure(configuration, validation)
  }

  deinit {
    // Ends libunbound's thread; no callback runs after it.
    unsafe ub_ctx_delete(context)
  }

  /// Readable when `process` has something to do.
  var descriptor: Int32 {
    // The context lives as long as this object.
    unsafe ub_fd(context)
  }

  /// Asks; returns what `cancel` takes, or nil when the question could not be handed over.
  func resolve(
    _ name: String,
    _ type: RecordType,
    completion: @escaping Completion
  ) -> Int32? {
    let ticket = Ticket(completion, limits: limits, owner: self)
    // The ticket is kept in `tickets` until its callback ran or it was cancelled.
    let pointer = unsafe Unmanaged.passUnretained(ticket).toOpaque()
    var id: Int32 = 0
    // libunbound copies the name; the callback gets the pointer to the ticket.
    let failure = unsafe ub_resolve_async(
      context,
      name,
      type.rawValue,
      1,
      pointer,
      { pointer, error, result in
        // libunbound hands each result over once; it is freed after it was copied.
        defer { unsafe ub_resolve_free(result) }
        guard let pointer = unsafe pointer else { return }
        // The pointer is one of `tickets`, for cancelled queries have no callback.
        let ticket = unsafe Unmanaged<Ticket>.fromOpaque(pointer).takeUnretainedValue()
        unsafe ticket.owner.finished(ticket, error, result)
      },
      &id
    )
    guard failure == 0 else { return nil }
    ticket.id = id
    tickets[id] = ticket
    return id
  }

  /// Runs the completions of what has been answered.
  func process() {
    // Calls back on this thread only.
    _ = unsafe ub_process(context)
  }

  /// The completion will not be called.
  func cancel(_ id: Int32) {
    guard tickets.removeValue(forKey: id) != nil else { return }
    // An identifier that libunbound does not know any more is an error that changes nothing.
    _ = unsafe ub_cancel(context, id)
  }

  private func finished(
    _ ticket: Ticket,
    _ error: Int32,
    _ result: UnsafeMutablePointer<ub_result>?
  ) {
    guard tickets.removeValue(forKey: ticket.id) != nil else { return }
    // The result is valid until the callback returns; everything is copied out of it.
    unsafe ticket.completion(Self.answer(error, result, ticket.limits))
  }

  private static func answer(
    _ error: Int32,
    _ pointer: UnsafeMutablePointer<ub_result>?,
    _ limits: ResolverLimits
  ) -> RecordAnswer {
    // Valid during the callback, see `finished`.
    guard error == 0, let result = unsafe pointer?.pointee else {
      return RecordAnswer(.temporary(.serverFailure))
    }
    if unsafe result.bogus != 0 { return RecordAnswer(.bogus) }
    let authenticity: DNSAnswer.Authenticity =
      unsafe result.secure != 0 ? .validated : .unvalidated
    if unsafe result.answer_len > Int32(clamping: limits.answerBytes) {
      return RecordAnswer(.temporary(.malformed))
    }
    if unsafe result.havedata != 0 {
      return RecordAnswer(.data(unsafe records(result, limits)), authenticity)
    }
    if unsafe result.nxdomain != 0 { return RecordAnswer(.nonexistent, authenticity) }
    let isAnswer = unsafe result.rcode == 0
    return isAnswer
      ? RecordAnswer(.noData, authenticity) : RecordAnswer(.temporary(.serverFailure))
  }

  private static func records(_ result: ub_result, _ limits: ResolverLimits) -> [[UInt8]] {
    var records: [[UInt8]] = []
    // `data` ends with a nil pointer, `len` has a length for each before it (unbound.h).
    guard let data = unsafe result.data, let lengths = unsafe result.len else { return [] }
    while records.count < limits.records, let start = unsafe data[records.count] {
      let length = unsafe Int(lengths[records.count])
      guard 0...65_535 ~= length else { break }
      // libunbound owns `length` bytes at `start` until the result is freed.
      let bytes = unsafe UnsafeRawBufferPointer(start: start, count: length)
      unsafe records.append(Array(bytes))
    }
    return records
  }
}

extension UnboundContext {
  /// Zones that libunbound answers itself unless told otherwise; a forwarder may know them.
  private static let builtInZones = ["test.", "home.arpa.", "local."]

  /// Names of private networks: a signed denial from the root must not hide a local server's answer.
  private static let privateZones = [
    "corp", "home", "home.arpa", "internal", "intranet", "lan", "local", "localdomain",
    "private", "test",
  ]

  private func configure(
    _ configuration: ResolverConfiguration,
    _ validation: Validation
  ) throws(ResolverError) {
    // A thread, not a process: the role may not fork.
    try check("thread", unsafe ub_ctx_async(context, 1))
    try set("do-not-query-localhost:", "no")
    try set("edns-buffer-size:", "1232")
    try set("outgoing-range:", "256")
    try set("num-queries-per-thread:", "1024")
    try set("use-syslog:", "no")
    if case .with(let anchor) = validation { try add(anchor: anchor) }
    let servers: [DNSServer] =
      switch configuration.mode {
      case .system(let text): DNSServer.servers(resolvConf: text)
      case .forwarders(let servers): servers
      case .recursive: []
      }
    for server in servers {
      // libunbound copies the text.
      try check(
        "forwarder \(server.address)",
        unsafe ub_ctx_set_fwd(context, "\(server.address)@\(server.port)")
      )
    }
    if !servers.isEmpty {
      try set("unblock-lan-zones:", "yes")
      try set("insecure-lan-zones:", "yes")
      for zone in Self.privateZones { try set("domain-insecure:", zone) }
    }
    // The first of these calls makes libunbound check all settings.
    for zone in servers.isEmpty ? ["talaria.invalid."] : Self.builtInZones {
      // libunbound copies the text; a zone that is not there is no error.
      try check("settings", unsafe ub_ctx_zone_remove(context, zone))
    }
  }

  private func add(anchor: String) throws(ResolverError) {
    for line in anchor.split(whereSeparator: \.isNewline) {
      let record = line.prefix { $0 != ";" }
      guard record.contains(where: { !$0.isWhitespace }) else { continue }
      // libunbound copies the text.
      try check("trust anchor", unsafe ub_ctx_add_ta(context, String(record)))
    }
  }

  private func set(_ option: String, _ value: String) throws(ResolverError) {
    // libunbound copies both texts.
    try check(option, unsafe ub_ctx_set_option(context, option, value))
  }

  private func check(_ setting: String, _ code: Int32) throws(ResolverError) {
    guard code != 0 else { return }
    // A constant string of the library.
    let reason = unsafe String(cString: ub_strerror(code))
    throw .setting(setting, reason: reason)
  }
}
