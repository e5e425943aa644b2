// SPDX-License-Identifier: ISC

internal import Mail

extension FrontendProjection.Listener: Record {
  init(
    index: UInt16,
    address: String,
    port: UInt16,
    _ options: Listener.Options,
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
    hostNames = options.hostNames
    security = options.security
    authentication = options.authentication
    receivedAuthentication = options.receivedAuthentication
    senders = options.senders
    proxyHeader = options.proxyHeader
    filter = options.filter
  }

  func write(to writer: inout ByteWriter) {
    writer.write(index)
    writer.write(address)
    writer.write(port)
    writer.write(hostName)
    writer.write(tag)
    writer.write(receivedSource.rawValue)
    writer.write(notifications.rawValue)
    writer.write(optional: hostNames)
    writer.write(record: security)
    writer.write(record: authentication)
    writer.write(receivedAuthentication.rawValue)
    writer.write(optional: senders)
    writer.write(proxyHeader.rawValue)
    writer.write(optional: filter)
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
    hostNames = try reader.readOptional()
    security = try reader.readRecord()
    authentication = try reader.readRecord()
    receivedAuthentication = try reader.readEnumeration()
    senders = try reader.readOptional()
    proxyHeader = try reader.readEnumeration()
    filter = try reader.readOptional()
  }
}

extension Listener.Security: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(encryption.rawValue)
    writer.write(clientCertificate.rawValue)
    writer.write(records: certificates)
    for text in [authority, ciphers, protocols] { writer.write(optional: text) }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init()
    encryption = try reader.readEnumeration()
    clientCertificate = try reader.readEnumeration()
    certificates = try reader.readRecords()
    authority = try reader.readOptional()
    ciphers = try reader.readOptional()
    protocols = try reader.readOptional()
  }
}

extension Listener.Authentication: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(policy.rawValue)
    writer.write(optional: credentials)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init()
    policy = try reader.readEnumeration()
    credentials = try reader.readOptional()
  }
}

extension Listener.Senders: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(record: table)
    writer.write(header.rawValue)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(table: try reader.readRecord(), header: try reader.readEnumeration())
  }
}
