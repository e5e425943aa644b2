// SPDX-License-Identifier: ISC

package import Mail
internal import Queue

/// What delivery may ask of the supervisor: an action by name, for a user by name. Never a path or a
/// uid: those the supervisor takes from its own configuration and its own user database. A command of an
/// alias or of a `.forward` is named, too, and is run only when the table or the file still holds it.
package struct CommandRequest: Equatable, Sendable {
  /// A number of the delivering role's.
  package var task: UInt64
  /// By its name in the configuration.
  package var action: String
  /// The account that it is for.
  package var user: String
  /// Nil when there is none.
  package var subaddress: String?
  /// What receives the message.
  package var method: LocalDelivery.Method
  /// Nil is the null sender.
  package var sender: Address?
  /// As the client named it.
  package var recipient: Address
  /// After expansion.
  package var destination: Address
  /// Of the message as it will be fed, in bytes.
  package var size: UInt64

  package init(
    task: UInt64,
    action: String,
    user: String,
    subaddress: String?,
    method: LocalDelivery.Method = .action,
    sender: Address?,
    recipient: Address,
    destination: Address,
    size: UInt64
  ) {
    self.task = task
    self.action = action
    self.user = user
    self.subaddress = subaddress
    self.method = method
    self.sender = sender
    self.recipient = recipient
    self.destination = destination
    self.size = size
  }

  /// Whether a table named what is to be run.
  package var isFromTable: Bool {
    switch method {
    case .command(_, .alias), .file(_, .alias): true
    default: false
    }
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(task)
    writer.write(action)
    writer.write(user)
    writer.write(subaddress ?? "")
    writer.write(method)
    writer.write(sender)
    writer.write(recipient)
    writer.write(destination)
    writer.write(size)
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    task = try reader.readInteger()
    action = try reader.readString(of: "action", atMost: RecordLimits.name)
    user = try reader.readString(of: "user", atMost: RecordLimits.name)
    let subaddress = try reader.readString(of: "subaddress", atMost: RecordLimits.name)
    self.subaddress = subaddress.isEmpty ? nil : subaddress
    method = try reader.readMethod()
    sender = try reader.readAddress()
    guard let recipient = try reader.readAddress(), let destination = try reader.readAddress()
    else { throw .invalid(field: "recipient") }
    self.recipient = recipient
    self.destination = destination
    size = try reader.readInteger()
  }
}

extension ByteWriter {
  /// A text and what it is.
  mutating func write(_ method: LocalDelivery.Method) {
    let stored = LocalDelivery(user: "", method: method).storedMethod
    write(stored.form)
    write(stored.text)
  }
}

extension ByteReader {
  mutating func readMethod() throws(DecodingError) -> LocalDelivery.Method {
    let form = try readByte()
    let text = try readString(of: "command", atMost: RecordLimits.command)
    guard let method = LocalDelivery.method(stored: text, form: form) else {
      throw .invalid(field: "command")
    }
    return method
  }
}
