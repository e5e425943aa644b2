// SPDX-License-Identifier: ISC

internal import CLinux
package import Configuration
internal import Glibc
package import Mail

/// Finds out what a chrooted role cannot find out later: names, addresses, resolver files.
package enum HostFactsReader {
  private static let resolverFile = "/etc/resolv.conf"
  private static let hostsFile = "/etc/hosts"
  private static let servicesFile = "/etc/services"
  /// Where Debian's dns-root-data and unbound-anchor keep it.
  private static let trustAnchors = ["/usr/share/dns/root.key", "/var/lib/unbound/root.key"]
  private static let fileMax = 1 << 20

  private enum Limits {
    /// For a name server, or whatever else the system asks for the host's name: the start waits for it.
    static let canonicalName = Duration.seconds(5)
    static let name = 1025
  }

  /// Who may be asked for the domain of a host that calls itself by a bare name.
  package enum NameSource: Sendable {
    /// `/etc/hosts` alone: nobody waits.
    case files
    /// Also what the system's resolver asks, for 5 s at most. Only before there is another thread.
    case resolver
  }

  /// Reads it all. The resolver is asked only where no `mailname` says the name and `/etc/hosts` does not.
  ///
  /// - Parameter configuration: the path of the configuration; `mailname` lies beside it.
  package static func read(configuration: String, name source: NameSource) -> HostFacts {
    let directory = configuration.split(separator: "/", omittingEmptySubsequences: false)
      .dropLast().joined(separator: "/")
    let mailName = text(directory + "/mailname").flatMap(firstLine)
    let hosts = text(hostsFile) ?? ""
    let name = HostFacts.name(completing: bareName(), hosts: hosts) { name in
      mailName == nil && source == .resolver ? canonicalName(of: name) : nil
    }
    var facts = HostFacts(hostName: name)
    facts.mailName = mailName
    facts.interfaces = interfaces()
    facts.services = HostFacts.services(in: text(servicesFile) ?? "")
    facts.resolverText = text(resolverFile) ?? ""
    facts.hostsText = hosts
    facts.trustAnchor = trustAnchors.lazy.compactMap { text($0) }.first
    return facts
  }

  /// All of a file, at most 1 MiB of it; nil when it cannot be read.
  static func text(_ path: String) -> String? {
    guard case .success(let bytes) = FileContent.read(path, atMost: fileMax) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func firstLine(_ text: String) -> String? {
    let line = text.split(whereSeparator: \.isNewline).first.map {
      $0.filter { !$0.isWhitespace }
    }
    return line.flatMap { $0.isEmpty ? nil : String($0) }
  }

  /// What the host calls itself, cut to what a name may have.
  private static func bareName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    // The name is cut to the buffer, whose last byte stays zero.
    guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
    return String(
      decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
      as: UTF8.self
    )
  }

  /// What the system's resolver calls a host, if it says so in time.
  private static func canonicalName(of name: String) -> String? {
    var text = [CChar](repeating: 0, count: Limits.name)
    // As many bytes are written as the count says, and as are returned.
    let length = unsafe talaria_canonical_name(
      name,
      &text,
      text.count,
      Int32(Limits.canonicalName.components.seconds) * 1000
    )
    guard length > 0, length < text.count else { return nil }
    return String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func interfaces() -> [HostFacts.Interface] {
    var list: UnsafeMutablePointer<ifaddrs>?
    // The list is freed below, after its last use; each entry's pointers are checked.
    guard unsafe getifaddrs(&list) == 0 else { return [] }
    defer { unsafe freeifaddrs(list) }
    var found: [(name: String, addresses: [IPAddress])] = []
    var next = unsafe list
    while let entry = unsafe next {
      unsafe next = entry.pointee.ifa_next
      guard let namePointer = unsafe entry.pointee.ifa_name,
        let address = unsafe address(entry.pointee.ifa_addr)
      else { continue }
      let name = unsafe String(cString: namePointer)
      if let index = found.firstIndex(where: { $0.name == name }) {
        found[index].addresses.append(address)
      } else {
        found.append((name, [address]))
      }
    }
    return found.map { HostFacts.Interface(name: $0.name, addresses: $0.addresses) }
  }

  /// The addresses of a name, as the system resolves it: it may take as long as name servers do.
  package static func addresses(
    of name: String,
    _ family: Listener.Family
  ) throws(UnresolvedName) -> [IPAddress] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    switch family {
    case .any: unsafe hints.ai_family = AF_UNSPEC
    case .inet4: unsafe hints.ai_family = AF_INET
    case .inet6: unsafe hints.ai_family = AF_INET6
    }
    var list: UnsafeMutablePointer<addrinfo>?
    // The list is freed below, after its last use; texts of errors are constants.
    let result = unsafe getaddrinfo(name, nil, &hints, &list)
    guard result == 0 else {
      throw UnresolvedName(reason: unsafe String(cString: gai_strerror(result)))
    }
    defer { unsafe freeaddrinfo(list) }
    var found: [IPAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      unsafe next = entry.pointee.ai_next
      if let address = unsafe address(entry.pointee.ai_addr), !found.contains(address) {
        found.append(address)
      }
    }
    return found
  }

  private static func address(_ pointer: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
    guard let pointer = unsafe pointer else { return nil }
    let family = unsafe CInt(pointer.pointee.sa_family)
    let length =
      family == AF_INET6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
    guard family == AF_INET || family == AF_INET6 else { return nil }
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let room = socklen_t(host.count)
    // The address is as long as its family says; the name is cut to the buffer.
    let result = unsafe getnameinfo(
      pointer,
      socklen_t(length),
      &host,
      room,
      nil,
      0,
      NI_NUMERICHOST
    )
    guard result == 0 else { return nil }
    let bytes = host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let text = String(decoding: bytes, as: UTF8.self).prefix { $0 != "%" }
    return IPAddress(parsing: text)
  }
}
