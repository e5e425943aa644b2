// SPDX-License-Identifier: ISC

internal import Configuration
internal import TLS

/// Looks at `ciphers` and `protocols`, of which only the TLS library knows what is good.
enum TLSOptionsCheck {
  /// - Throws: the first that cannot be used.
  static func check(_ configuration: ServerConfiguration) throws(StartupFailure) {
    try check("smtp ciphers", .server, configuration.ciphers, nil)
    for listener in configuration.listeners {
      let security = listener.options.security
      try check("listen on \(listener.target)", .server, security.ciphers, security.protocols)
    }
    for action in configuration.actions {
      guard case .relay(let relay) = action.method else { continue }
      let security = relay.security
      try check("action \(action.name)", .client, security.ciphers, security.protocols)
    }
  }

  private static func check(
    _ place: String,
    _ side: TLSContext.Side,
    _ ciphers: String?,
    _ protocols: String?
  ) throws(StartupFailure) {
    guard ciphers != nil || protocols != nil else { return }
    do throws(TLSError) {
      var options = TLSContext.Options(side)
      options.ciphers = ciphers
      if let protocols { options.protocols = try TLSProtocols(parsing: protocols) }
      _ = try TLSContext(options)
    } catch {
      throw StartupFailure("\(place): \(error)")
    }
  }
}
