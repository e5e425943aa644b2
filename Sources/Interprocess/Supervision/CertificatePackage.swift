// SPDX-License-Identifier: ISC

package import Mail

/// The certificates of the configuration, as the supervisor read their files. Nothing in it is secret.
///
/// Frontend and delivery are handed it with their configuration and again with each renewal; so is keys,
/// with the key files beside it.
package struct CertificatePackage: Equatable, Sendable {
  /// Bounds of what is read back.
  package enum Limits {
    /// Certificates of a kind.
    package static let entries = 4096
    /// Of a name, in bytes.
    package static let name = 1024
    /// Of the content of one file, in bytes.
    package static let file = 4 << 20
  }

  /// Whether a server takes part in finite-field Diffie-Hellman.
  package enum FiniteFieldExchange: UInt8, Sendable {
    case none = 0
    case offered = 1
  }

  /// Who shows a certificate, and may have its key sign.
  package struct Users: OptionSet, Hashable, Sendable {
    /// Of the bits below, no others.
    package let rawValue: UInt8

    /// Any of the bits.
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A listener shows it, which frontend serves.
    package static let listeners = Users(rawValue: 1)
    /// A relay shows it, which delivery connects.
    package static let relays = Users(rawValue: 2)

    /// Whether a role may ask for a signature.
    package func permits(_ role: Role) -> Bool {
      switch role {
      case .frontend: contains(.listeners)
      case .delivery: contains(.relays)
      default: false
      }
    }
  }

  /// One `pki`, or one `ca`.
  package struct Entry: Equatable, Sendable {
    /// As the configuration has it.
    package var name: String
    /// PEM.
    package var content: [UInt8]
    /// `dhe`; of a `pki` only.
    package var exchange: FiniteFieldExchange
    /// Of a `pki` only.
    package var users: Users

    /// Where the certificate is, for the operator.
    package var file = ""
    /// Where the private key is, for the operator; of a `pki` only.
    package var keyFile = ""
    /// Why the certificate cannot be read, in the operator's words; empty when it was.
    package var fault = ""
    /// Why the key's file cannot be opened; empty when it is open. Of a `pki` only.
    package var keyFault = ""

    /// The content of the file of `name`.
    package init(
      name: String,
      content: [UInt8],
      exchange: FiniteFieldExchange = .none,
      users: Users = []
    ) {
      self.name = name
      self.content = content
      self.exchange = exchange
      self.users = users
    }
  }

  /// Counts the renewals.
  package var generation: UInt32
  /// Chains, by the name of the `pki`.
  package var chains: [Entry] = []
  /// Trust anchors, by the name of the `ca`.
  package var anchors: [Entry] = []
  /// Trust anchors of the system; empty when there are none.
  package var systemAnchors: [UInt8] = []

  /// Nothing yet.
  package init(generation: UInt32) { self.generation = generation }

  /// What the supervisor hands over as a sealed file.
  package func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: 4096 + systemAnchors.count)
    writer.write(generation)
    for entries in [chains, anchors] {
      writer.writeVariable(UInt64(entries.count))
      for entry in entries {
        writer.write(entry.name)
        writer.write(entry.content)
        writer.write(entry.exchange.rawValue)
        writer.write(entry.users.rawValue)
        for text in [entry.file, entry.keyFile, entry.fault, entry.keyFault] {
          writer.write(clipped: text)
        }
      }
    }
    writer.write(systemAnchors)
    return writer.finish()
  }

  /// Reads what `encoded` wrote.
  package init(decoding bytes: [UInt8]) throws(DecodingError) {
    var reader = ByteReader(bytes)
    generation = try reader.readInteger()
    chains = try CertificatePackage.readEntries(&reader)
    anchors = try CertificatePackage.readEntries(&reader)
    systemAnchors = try reader.readBytes(of: "anchors", atMost: Limits.file)
    try reader.expectEnd()
  }

  private static func readEntries(_ reader: inout ByteReader) throws(DecodingError) -> [Entry] {
    var entries: [Entry] = []
    for _ in 0..<(try reader.readCount(of: "certificates", atMost: Limits.entries)) {
      let name = try reader.readString(of: "name", atMost: Limits.name)
      let content = try reader.readBytes(of: "certificate", atMost: Limits.file)
      guard let exchange = FiniteFieldExchange(rawValue: try reader.readByte()) else {
        throw .invalid(field: "dhe")
      }
      let users = Users(rawValue: try reader.readByte())
      guard users.isSubset(of: [.listeners, .relays]) else { throw .invalid(field: "users") }
      var entry = Entry(name: name, content: content, exchange: exchange, users: users)
      entry.file = try reader.readString(of: "file", atMost: EdgeLimits.text)
      entry.keyFile = try reader.readString(of: "file", atMost: EdgeLimits.text)
      entry.fault = try reader.readString(of: "fault", atMost: EdgeLimits.text)
      entry.keyFault = try reader.readString(of: "fault", atMost: EdgeLimits.text)
      entries.append(entry)
    }
    return entries
  }

  /// The same, but for the entries at these places, which are as they were in `former`: one of the same
  /// configuration. Chains have the first places, anchors those behind.
  package func keeping(_ places: [UInt16], of former: CertificatePackage) -> CertificatePackage {
    precondition(
      chains.map(\.name) == former.chains.map(\.name)
        && anchors.map(\.name) == former.anchors.map(\.name)
    )
    var result = self
    for place in places.map(Int.init) {
      if chains.indices.contains(place) {
        result.chains[place] = former.chains[place]
      } else if anchors.indices.contains(place - chains.count) {
        result.anchors[place - chains.count] = former.anchors[place - chains.count]
      }
    }
    return result
  }

  /// The chain of a `pki`.
  package func chain(of name: String) -> Entry? { chains.first { $0.name == name } }

  /// The anchors of a `ca`.
  package func anchors(of name: String) -> [UInt8]? { anchors.first { $0.name == name }?.content }
}
