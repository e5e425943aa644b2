// SPDX-License-Identifier: ISC

internal import Glibc

/// Opening files and sockets: by their flags, families and kinds.
extension CallPolicy {
  private enum Flag {
    static let access: UInt64 = 0o3
    static let writing: UInt64 = 0o1
    static let both: UInt64 = 0o2
    static let create: UInt64 = 0o100
    static let truncate: UInt64 = 0o1000
    /// O_TMPFILE without the O_DIRECTORY in it.
    static let unnamed: UInt64 = 0o20_000_000
    static let all = access | create | truncate | unnamed
  }

  /// open(2) and openat(2) as their flags say. openat2(2) has its flags behind a pointer: only who may
  /// do everything with files may use it; the others are told that there is none.
  static func opening(_ promises: Promises) -> [CallRule] {
    let reads = !promises.isDisjoint(with: [.rpath, .getpw])
    func action(_ flags: UInt64) -> CallAction {
      let isMaking = flags & (Flag.create | Flag.unnamed) != 0
      let access = flags & Flag.access
      let isWriting = access != 0 || flags & Flag.truncate != 0
      let isReading = access == 0 || access == Flag.both
      if isMaking && !promises.contains(.cpath) { return .trap }
      if isWriting && !promises.contains(.wpath) { return .trap }
      return isReading && !reads ? .refuse(EACCES) : .allow
    }
    var rules = CallRule.split("open", argument: 1, mask: Flag.all, by: action)
    rules += CallRule.split("openat", argument: 2, mask: Flag.all, by: action)
    if promises.isSuperset(of: [.rpath, .wpath, .cpath]) {
      rules.append(CallRule("openat2", .allow))
    }
    return rules
  }

  private enum Family {
    static let unix: UInt64 = 1
    static let inet4: UInt64 = 2
    static let inet6: UInt64 = 10
    static let netlink: UInt64 = 16
  }

  private enum Kind {
    static let stream: UInt64 = 1
    static let datagram: UInt64 = 2
    static let packets: UInt64 = 5
    /// The rest of the argument has flags.
    static let mask: UInt64 = 0xf
  }

  /// The protocol numbers of TCP and UDP, and 0, which stands for them. Others, such as MPTCP and SCTP,
  /// would go past what Landlock says of TCP.
  private static let tcp: UInt64 = 6
  private static let udp: UInt64 = 17

  private enum Level {
    static let ip: UInt64 = 0
    static let socket: UInt64 = 1
    static let ip6: UInt64 = 41
  }

  /// Programs for the kernel: SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF and _EBPF.
  private static let programs: Set<UInt64> = [26, 50, 51, 52]
  /// TCP_ULP, which loads a protocol above TCP, and TCP_REPAIR, which makes up connections; TCP_CONGESTION,
  /// TCP_MD5SIG, TCP_MD5SIG_EXT and TCP_AO_ADD_KEY, which load what they name.
  private static let layers: Set<UInt64> = [31, 19, 13, 14, 32, 38]
  /// IP_IPSEC_POLICY and IP_XFRM_POLICY, and those of IPv6, which past the tables say what a socket encrypts.
  private static let policies: Set<UInt64> = [16, 17]
  private static let policies6: Set<UInt64> = [34, 35]

  /// setsockopt(2) at the levels that mail and names need. What brings the kernel a program or a module is
  /// no part of any; of what later kernels have this says nothing. Above the last option are those of
  /// netfilter, from 64 on, by which whoever may administer the network writes its tables.
  private static let options: [CallRule] =
    options(at: Level.ip, without: policies) + options(at: Level.ip6, without: policies6)
    + options(at: Level.socket, without: programs) + options(at: tcp, without: layers)

  private static func options(at level: UInt64, without trapped: Set<UInt64>) -> [CallRule] {
    let isLevel = ArgumentTest(1, .equal(level))
    let last: UInt64 = 63
    let rules = CallRule.split(
      "setsockopt",
      argument: 2,
      allowing: Set(0...last).subtracting(trapped),
      more: [isLevel],
      else: .trap
    ).filter { $0.tests.last?.comparison != .above(last) }
    return rules
      + [CallRule("setsockopt", [isLevel, ArgumentTest(2, .above(last))], .refuse(ENOPROTOOPT))]
  }

  /// socket(2) by family, kind and protocol; socketpair(2) for pairs of Unix sockets only.
  static func sockets(_ promises: Promises) -> [CallRule] {
    var protocols: [UInt64: [UInt64: Set<UInt64>]] = [:]
    if !promises.isDisjoint(with: [.inet, .dns, .getpw]) {
      for family in [Family.inet4, Family.inet6] {
        protocols[family, default: [:]][Kind.stream] = [0, tcp]
      }
    }
    if !promises.isDisjoint(with: [.dns, .getpw]) {
      for family in [Family.inet4, Family.inet6] {
        protocols[family, default: [:]][Kind.datagram] = [0, udp]
      }
    }
    if !promises.isDisjoint(with: [.unix, .getpw]) {
      protocols[Family.unix] = [Kind.stream: [0], Kind.datagram: [0], Kind.packets: [0]]
    }
    // By which getaddrinfo(3) asks for the addresses of this host: NETLINK_ROUTE.
    if promises.contains(.getpw) { protocols[Family.netlink] = [2: [0], 3: [0]] }
    return sockets(protocols) + pairs + options
  }

  private static func sockets(_ protocols: [UInt64: [UInt64: Set<UInt64>]]) -> [CallRule] {
    guard !protocols.isEmpty else { return [CallRule("socket", .trap)] }
    var rules = CallRule.split(
      "socket",
      argument: 0,
      allowing: Set(protocols.keys),
      else: .trap
    ).filter { $0.action != .allow }
    for (family, kinds) in protocols.sorted(by: { $0.key < $1.key }) {
      let isFamily = ArgumentTest(0, .equal(family))
      rules += CallRule.split("socket", argument: 1, mask: Kind.mask, more: [isFamily]) { kind in
        kinds[kind] == nil ? .trap : .allow
      }.flatMap { rule in
        guard rule.action == .allow, case .masked(_, let kind)? = rule.tests.last?.comparison else {
          return [rule]
        }
        return CallRule.split(
          "socket",
          argument: 2,
          allowing: kinds[kind] ?? [],
          more: rule.tests,
          else: .trap
        )
      }
    }
    return rules
  }

  /// Sending, which is to connect nothing: MSG_FASTOPEN would, and Landlock is not asked then. A library that
  /// tries it is told that there is none, and connects first. sendto(2) carries no descriptors.
  static func sending(_ promises: Promises) -> [CallRule] {
    let fastOpen: UInt64 = 0x2000_0000
    func plain(_ call: String, flags argument: UInt32) -> [CallRule] {
      CallRule.split(call, argument: argument, mask: fastOpen) { value in
        value == 0 ? .allow : .refuse(EOPNOTSUPP)
      }
    }
    var rules = plain("sendto", flags: 3)
    if !promises.isDisjoint(with: [.sendfd, .dns, .getpw]) { rules += plain("sendmsg", flags: 2) }
    if !promises.isDisjoint(with: [.dns, .getpw]) { rules += plain("sendmmsg", flags: 3) }
    return rules
  }

  /// A datagram socket is not bound to its other half: with sendto(2) it reaches any other.
  private static let pairs: [CallRule] =
    CallRule.split(
      "socketpair",
      argument: 1,
      mask: Kind.mask,
      more: [ArgumentTest(0, .equal(Family.unix))]
    ) { [Kind.stream, Kind.packets].contains($0) ? .allow : .trap }
    + [CallRule("socketpair", [ArgumentTest(0, .unequal(Family.unix))], .trap)]
}
