// SPDX-License-Identifier: ISC

internal import Mail

/// `resolver system`, `resolver recursive`, `resolver ADDRESS[@PORT] …`.
extension Parser {
  /// How many servers may be named.
  private static var serversMax: Int { 16 }

  mutating func parseResolver() throws(SyntaxFault) {
    let first = try peek()
    if first.isWord("system") || first.isWord("recursive") {
      try next()
      draft.resolver = first.isWord("system") ? .system : .recursive
      return try endOfStatement()
    }
    var servers: [ResolverSettings.Server] = []
    repeat {
      servers.append(try resolverServer())
    } while try !peek().isEndOfStatement && servers.count < Parser.serversMax
    draft.resolver = .servers(servers)
    try endOfStatement()
  }

  private mutating func resolverServer() throws(SyntaxFault) -> ResolverSettings.Server {
    let (text, position) = try string("\"system\", \"recursive\" or an address")
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard let address = IPAddress(parsing: parts[0]) else {
      let nearest = Spelling.nearest(to: text, in: ["system", "recursive"])
      throw SyntaxFault(complaint: .nameServer(text, nearest: nearest), position: position)
    }
    guard parts.count > 1 else { return ResolverSettings.Server(address: address) }
    guard parts.count == 2, parts[1].utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
      let port = UInt16(parts[1]), port > 0
    else {
      throw SyntaxFault(complaint: .nameServer(text, nearest: nil), position: position)
    }
    return ResolverSettings.Server(address: address, port: port)
  }
}
