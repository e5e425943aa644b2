// SPDX-License-Identifier: ISC

package import Mail

/// What the resolver is handed: whom to ask, and the files that it cannot open itself.
package struct ResolverProjection: Hashable, Sendable {
  package var settings: ResolverSettings
  /// The text of `/etc/resolv.conf`.
  package var resolverText: String
  /// The text of `/etc/hosts`.
  package var hostsText: String
  /// The DNSSEC trust anchor's text.
  package var trustAnchor: String?

  package init(
    settings: ResolverSettings,
    resolverText: String = "",
    hostsText: String = "",
    trustAnchor: String? = nil
  ) {
    self.settings = settings
    self.resolverText = resolverText
    self.hostsText = hostsText
    self.trustAnchor = trustAnchor
  }

  package init(_ configuration: ServerConfiguration) {
    self.init(
      settings: configuration.resolver,
      resolverText: configuration.facts.resolverText,
      hostsText: configuration.facts.hostsText,
      trustAnchor: configuration.facts.trustAnchor
    )
  }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    switch settings {
    case .system:
      writer.write(UInt8(0))
    case .recursive:
      writer.write(UInt8(1))
    case .servers(let servers):
      writer.write(UInt8(2))
      writer.write(records: servers)
    }
    writer.write(resolverText)
    writer.write(hostsText)
    writer.write(UInt8(trustAnchor == nil ? 0 : 1))
    if let trustAnchor { writer.write(trustAnchor) }
    return writer.finish()
  }

  package init(decoding bytes: [UInt8]) throws(DecodingError) {
    var reader = ByteReader(bytes)
    settings =
      switch try reader.readByte() {
      case 0: .system
      case 1: .recursive
      case 2: .servers(try reader.readRecords())
      default: throw .invalid(field: "resolver")
      }
    resolverText = try reader.readFile()
    hostsText = try reader.readFile()
    switch try reader.readByte() {
    case 0: trustAnchor = nil
    case 1: trustAnchor = try reader.readFile()
    default: throw .invalid(field: "trust anchor")
    }
    try reader.expectEnd()
  }
}

extension ResolverSettings.Server: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(record: address)
    writer.write(port)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(address: try reader.readRecord(), port: try reader.readInteger())
  }
}
