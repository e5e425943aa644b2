// SPDX-License-Identifier: ISC

internal import Mail

/// Writes the commands of a transaction, with the parameters that the server understands.
struct ClientCommand {
  let extensions: ServerExtensions

  func appendMail(_ task: ClientTask, to output: inout [UInt8]) {
    output.append(contentsOf: "MAIL FROM:".utf8)
    Address.appendPath(task.sender, to: &output)
    if task.content.contains(.eightBit), extensions.keywords.contains(.eightBitMIME) {
      output.append(contentsOf: " BODY=8BITMIME".utf8)
    }
    if task.content.contains(.internationalized) {
      output.append(contentsOf: " SMTPUTF8".utf8)
    }
    if extensions.keywords.contains(.deliveryNotification) {
      if let returned = task.returnContent {
        output.append(contentsOf: (returned == .full ? " RET=FULL" : " RET=HDRS").utf8)
      }
      if let identifier = task.envelopeIdentifier, !identifier.isEmpty {
        output.append(contentsOf: " ENVID=".utf8)
        output.append(contentsOf: Xtext.encode(identifier))
      }
    }
    endLine(&output)
  }

  func appendRecipient(_ recipient: ClientRecipient, to output: inout [UInt8]) {
    output.append(contentsOf: "RCPT TO:".utf8)
    switch recipient.form {
    case .address: Address.appendPath(recipient.address, to: &output)
    case .name: Address.appendName(recipient.address.local, to: &output)
    }
    if extensions.keywords.contains(.deliveryNotification) {
      appendNotify(recipient.notify, to: &output)
      appendOriginalRecipient(recipient.originalRecipient, to: &output)
    }
    endLine(&output)
  }

  private func appendNotify(_ notify: NotifyConditions, to output: inout [UInt8]) {
    let words: [(NotifyConditions, String)] = [
      (.never, "NEVER"), (.success, "SUCCESS"), (.failure, "FAILURE"), (.delay, "DELAY"),
    ]
    let chosen = words.filter { notify.contains($0.0) }.map(\.1)
    guard !chosen.isEmpty else { return }
    output.append(contentsOf: " NOTIFY=\(chosen.joined(separator: ","))".utf8)
  }

  /// Left out when its type is none: nothing of it may become a command.
  private func appendOriginalRecipient(_ text: String?, to output: inout [UInt8]) {
    guard let text, let semicolon = text.firstIndex(of: ";") else { return }
    let type = text[..<semicolon]
    let isType = type.utf8.allSatisfy {
      0x30...0x39 ~= $0 || 0x41...0x5a ~= $0 || 0x61...0x7a ~= $0 || $0 == 0x2d || $0 == 0x2e
    }
    guard isType, !type.isEmpty else { return }
    output.append(contentsOf: " ORCPT=\(type);".utf8)
    output.append(contentsOf: Xtext.encode(String(text[text.index(after: semicolon)...])))
  }

  private func endLine(_ output: inout [UInt8]) {
    output.append(0x0d)
    output.append(0x0a)
  }
}

extension ClientRecipient {
  var isSafeOnTheWire: Bool {
    form == .name ? address.isNameSafeOnTheWire : address.isSafeOnTheWire
  }
}

extension Address {
  /// Whether the local part can.
  fileprivate var isNameSafeOnTheWire: Bool {
    !local.isEmpty && local.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
  }

  /// Whether the address can stand in a command: without control characters, and without anything in
  /// the domain that could end the path.
  var isSafeOnTheWire: Bool {
    isNameSafeOnTheWire && !domain.isEmpty
      && domain.utf8.allSatisfy {
        $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">")
      }
  }
}
