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
  }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(serverName)
    writer.write(records: listeners)
    writer.write(record: socket)
    writer.write(record: limits)
    writer.write(subaddressDelimiter)
    writer.write(records: localAddresses)
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
    try reader.expectEnd()
  }
}

extension FrontendProjection.Listener: Record {
  fileprivate init(
    index: UInt16,
    address: String,
    port: UInt16,
    _ options: Configuration.Listener.Options,
    serverName: String
  ) {
    self.init(
      index: index,
      address: address,
      port: port,
      hostName: options.hostName ?? serverName,
      tag: options.tag,
      receivedSource: options.receivedSource,
      notifications: options.notifications
    )
  }

  func write(to writer: inout ByteWriter) {
    writer.write(index)
    writer.write(address)
    writer.write(port)
    writer.write(hostName)
    writer.write(tag)
    writer.write(receivedSource.rawValue)
    writer.write(notifications.rawValue)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(
      index: try reader.readInteger(),
      address: try reader.readRecord(),
      port: try reader.readInteger(),
      hostName: try reader.readRecord(),
      tag: try reader.readRecord(),
      receivedSource: try reader.readEnumeration(),
      notifications: try reader.readEnumeration()
    )
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
