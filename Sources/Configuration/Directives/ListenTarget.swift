// SPDX-License-Identifier: ISC

internal import Mail

/// TARGET of `listen on`.
extension Parser {
  /// Interface or group, IPv4, IPv6, the hosts file; else a name that the system resolves.
  func targets(
    named text: String,
    _ family: Listener.Family,
    at position: SourcePosition
  ) throws(SyntaxFault) -> [Listener.Target] {
    let interfaces = draft.facts.interfaces.filter { $0.name == text || $0.groups.contains(text) }
    if !interfaces.isEmpty {
      let addresses = interfaces.flatMap(\.addresses).filter { family.admits($0) && !$0.needsZone }
      guard !addresses.isEmpty else {
        throw SyntaxFault(complaint: .noAddresses(interface: text), position: position)
      }
      return addresses.map { .address($0) }
    }
    let inner = text.first == "[" && text.last == "]" ? String(text.dropFirst().dropLast()) : text
    if let address = IPAddress(parsing: inner) {
      guard family.admits(address) else {
        throw SyntaxFault(
          complaint: .exclusive("\"\(text)\"", family == .inet4 ? "inet4" : "inet6"),
          position: position
        )
      }
      return [.address(address)]
    }
    guard HostName.isValid(text) else {
      throw SyntaxFault(complaint: .hostName(text), position: position)
    }
    let known = HostsFile.addresses(of: text, in: draft.facts.hostsText).filter(family.admits)
    if !known.isEmpty { return known.map { .address($0) } }
    guard let resolve else { return [.name(text, family)] }
    do throws(UnresolvedName) {
      let found = try resolve(text, family).filter { family.admits($0) && !$0.needsZone }
      guard !found.isEmpty else { throw UnresolvedName(reason: "no such address") }
      return found.map { .address($0) }
    } catch {
      throw SyntaxFault(complaint: .unresolved(text, reason: error.reason), position: position)
    }
  }
}

/// What can be listened on once.
struct ListenPlace: Hashable {
  let target: Listener.Target
  let port: UInt16

  /// Whether one of the two is all addresses of the other's family: Linux gives a port of theirs to one socket only.
  func overlaps(_ other: ListenPlace) -> Bool {
    guard port == other.port, case .address(let ours) = target,
      case .address(let theirs) = other.target
    else { return false }
    switch (ours, theirs) {
    case (.inet4, .inet4), (.inet6, .inet6): return ours.isUnspecified || theirs.isUnspecified
    default: return false
    }
  }
}

extension Parser {
  /// Whether nobody listens there yet; another statement that does is an error of this one.
  mutating func isNew(_ place: ListenPlace, at position: SourcePosition) -> Bool {
    guard
      let (other, first) = listenPlaces.filter({ $0.key == place || place.overlaps($0.key) })
        .min(by: {
          ($0.value.file, $0.value.line, "\($0.key.target)") < (
            $1.value.file, $1.value.line, "\($1.key.target)"
          )
        })
    else {
      listenPlaces[place] = position
      return true
    }
    // A name may have the same address twice.
    if first != position, case .address(let address) = place.target,
      case .address(let holder) = other.target
    {
      listenPlaces[place] = position
      report(
        .listensAlready(
          "\(address)",
          port: place.port,
          by: "\(holder)",
          line: first.line,
          file: first.file == position.file ? nil : files[first.file].path
        ),
        at: position
      )
    }
    return false
  }
}

extension Listener.Family {
  fileprivate func admits(_ address: IPAddress) -> Bool {
    switch (self, address) {
    case (.any, _), (.inet4, .inet4), (.inet6, .inet6): true
    default: false
    }
  }
}

extension IPAddress {
  /// Link-local: the address means nothing without its interface.
  fileprivate var needsZone: Bool {
    guard case .inet6(let high, _) = self else { return false }
    return high >> 54 == 0xfe80 >> 6
  }
}

/// The text of `/etc/hosts`.
enum HostsFile {
  /// Every address that a line gives to the name, in the file's order.
  static func addresses(of name: String, in text: String) -> [IPAddress] {
    let name = name.lowercased()
    var found: [IPAddress] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
      guard let first = words.first, let address = IPAddress(parsing: first) else { continue }
      if words.dropFirst().contains(where: { $0.lowercased() == name }), !found.contains(address) {
        found.append(address)
      }
    }
    return found
  }
}
