// SPDX-License-Identifier: ISC

package import Mail

/// What the frontend is handed: how to greet, and what a client may use.
package struct FrontendProjection: Hashable, Sendable {
  /// A listener as its sessions see it.
  package struct Listener: Hashable, Sendable {
    /// The listener's place in `ServerConfiguration.listeners`; its socket comes with it.
    package var index: UInt16
    /// The address or name as text.
    package var address: String
    package var port: UInt16
    package var hostName: String
    package var tag: String
    package var receivedSource: Configuration.Listener.ReceivedSource
    package var notifications: Configuration.Listener.Notifications
    /// `hostnames`, which lookup answers for; nil when there is none.
    package var hostNames: TableIndex?
    /// TLS.
    package var security = Configuration.Listener.Security()
    /// Lookup knows the table too, and is asked by the listener's index.
    package var authentication = Configuration.Listener.Authentication()
    /// `received-auth`.
    package var receivedAuthentication = Configuration.Listener.ReceivedAuthentication.hidden
    /// Lookup knows the table too, and is asked by the listener's index.
    package var senders: Configuration.Listener.Senders?
    /// `proxy-v2`.
    package var proxyHeader = Configuration.Listener.ProxyHeader.none
    /// The name of a filter.
    package var filter: String?

    package init(
      index: UInt16,
      address: String,
      port: UInt16,
      hostName: String,
      tag: String,
      receivedSource: Configuration.Listener.ReceivedSource,
      notifications: Configuration.Listener.Notifications
    ) {
      self.index = index
      self.address = address
      self.port = port
      self.hostName = hostName
      self.tag = tag
      self.receivedSource = receivedSource
      self.notifications = notifications
    }
  }

  package var serverName: String
  package var listeners: [Listener]
  /// The submission socket; its index, address and port mean nothing.
  package var socket: Listener
  package var limits: ReceptionLimits
  package var subaddressDelimiter: UInt8
  /// The addresses of this host's interfaces.
  package var localAddresses: [IPAddress]
  /// `smtp ciphers`, for listeners without their own; nil is the TLS library's choice.
  package var ciphers: String?

  package init(
    serverName: String,
    listeners: [Listener],
    socket: Listener,
    limits: ReceptionLimits,
    subaddressDelimiter: UInt8,
    localAddresses: [IPAddress]
  ) {
    self.serverName = serverName
    self.listeners = listeners
    self.socket = socket
    self.limits = limits
    self.subaddressDelimiter = subaddressDelimiter
    self.localAddresses = localAddresses
  }

  package init(_ configuration: ServerConfiguration) {
    serverName = configuration.serverName
    listeners = configuration.listeners.enumerated().map { index, listener in
      Listener(
        index: UInt16(clamping: index),
        address: listener.target.description,
        port: listener.port,
        listener.options,
        serverName: configuration.serverName
      )
    }
    socket = Listener(
      index: .max,
      address: "local",
      port: 0,
      configuration.socketOptions,
      serverName: configuration.serverName
    )
    limits = configuration.reception
    subaddressDelimiter = configuration.subaddressDelimiter
    localAddresses = configuration.facts.addresses
    ciphers = configuration.ciphers
  }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(serverName)
    writer.write(records: listeners)
    writer.write(record: socket)
    writer.write(record: limits)
    writer.write(subaddressDelimiter)
    writer.write(records: localAddresses)
    writer.write(optional: ciphers)
    return writer.finish()
  }

  package init(decoding bytes: [UInt8]) throws(DecodingError) {
    var reader = ByteReader(bytes)
    serverName = try reader.readRecord()
    listeners = try reader.readRecords()
    socket = try reader.readRecord()
    limits = try reader.readRecord()
    subaddressDelimiter = try reader.readByte()
    localAddresses = try reader.readRecords()
    ciphers = try reader.readOptional()
    try reader.expectEnd()
  }
}

extension ReceptionLimits: Record {
  func write(to writer: inout ByteWriter) {
    for key in Key.allCases { writer.write(number: self[keyPath: key.path]) }
    writer.write(number: messageSizeMax)
    writer.write(record: timeout)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init()
    for key in Key.allCases { self[keyPath: key.path] = try reader.readNumber() }
    messageSizeMax = try reader.readNumber()
    timeout = try reader.readRecord()
  }
}
