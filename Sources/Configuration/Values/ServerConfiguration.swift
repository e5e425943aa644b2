// SPDX-License-Identifier: ISC

/// Everything that `smtpd.conf` says, checked: names are resolved to places, defaults are filled in.
///
/// Each role is handed a projection of it and no more.
package struct ServerConfiguration: Hashable, Sendable {
  package var facts: HostFacts
  package var serverName: String
  /// In the file's order.
  package var listeners: [Listener] = []
  /// The submission socket's options; the socket exists without being named.
  package var socketOptions = Listener.Options()
  /// The predeclared ones first, then in the file's order.
  package var tables: [TableDeclaration] = []
  /// In the file's order; names are unique.
  package var actions: [DeliveryAction] = []
  /// In the file's order; never empty.
  package var rules: [Rule] = []
  package var backend = QueueBackend.filesystem
  package var timeToLive = Duration.seconds(4 * 86400)
  /// One to four.
  package var warnIntervals = [Duration.seconds(4 * 3600)]
  package var reception = ReceptionLimits()
  /// A printable character, neither a space nor `@`.
  package var subaddressDelimiter = UInt8(ascii: "+")
  /// Deferred envelopes remembered for each destination.
  package var deferredMax = 100
  package var relayLimits = RelayLimits()
  /// By domain, lower case.
  package var relayLimitsByDomain: [String: RelayLimits] = [:]
  package var localLimits = LocalLimits()
  package var schedulingLimits = SchedulingLimits()
  package var resolver = ResolverSettings.system
  /// Asked by listeners with `auth` and no table.
  package var systemPasswords = SystemPasswords.shadow
  /// In the order of their first lines; names are unique, cert and key are there.
  package var pkis: [PKI] = []
  /// In the file's order; names are unique.
  package var authorities: [CertificateAuthority] = []
  /// `smtp ciphers`; nil is the TLS library's choice.
  package var ciphers: String?
  /// `mda wrapper`, in the file's order; names are unique.
  package var wrappers: [DeliveryAction.Local.Wrapper] = []
  /// `proc`, in the file's order; names are unique.
  package var filterProcesses: [FilterProcess] = []
  /// In the file's order, inline chains where they stand; names are unique.
  package var filters: [Filter] = []
  /// `srs`; with a key when an action uses it.
  package var srs = SRSSettings()
  /// `admd`: what filters are told; nil is the server's name.
  package var administrativeDomain: String?
  /// `queue compression`.
  package var compression = QueueCompression.none
  /// `queue encryption`.
  package var encryption = QueueEncryption.none

  package init(facts: HostFacts) {
    self.facts = facts
    serverName = facts.serverName
  }
}
