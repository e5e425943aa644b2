// SPDX-License-Identifier: ISC

/// A part of the language that an engine of its own serves, by the directive that uses it.
package enum Feature: String, CaseIterable, Sendable {
  case pki = "pki"
  case authority = "ca"
  case defaultCiphers = "smtp ciphers"
  case listenerTLS = "listen on tls"
  case listenerAuthentication = "listen on auth"
  case receivedAuthentication = "listen on received-auth"
  case senders = "listen on senders"
  case mbox = "action mbox"
  case lmtp = "action lmtp"
  case forwardOnly = "action forward-only"
  case expandOnly = "action expand-only"
  case alias = "action alias"
  case virtual = "action virtual"
  case userBase = "action userbase"
  case wrapper = "action wrapper"
  case relayTLS = "action relay tls"
  case relayAuthentication = "action relay auth"
  case database = "table db"
  case systemAccounts = "table getpwnam"
  case tableHelper = "table helper"
  case filter = "filter"
  case srs = "srs"
  case compression = "queue compression"
  case encryption = "queue encryption"
}

extension Feature {
  /// What is read and checked, and refused when the server starts, because nothing serves it yet.
  ///
  /// Take a line out with the change that brings its engine.
  package static let withoutEngine: Set<Feature> = [
    .tableHelper,
    .filter,
    .srs,
    .compression,
    .encryption,
  ]
}
