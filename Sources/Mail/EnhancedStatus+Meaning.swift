// SPDX-License-Identifier: ISC

extension EnhancedStatus {
  /// What the subject and detail mean, whatever the class (RFC 3463 section 3); the subject's general
  /// meaning where the detail has none of its own.
  package var meaning: String {
    switch subject {
    case 1: addressMeaning
    case 2: mailboxMeaning
    case 3: systemMeaning
    case 4: networkMeaning
    case 5: protocolMeaning
    case 6: mediaMeaning
    case 7: securityMeaning
    default: "Other/Undefined"
    }
  }

  private var addressMeaning: String {
    switch detail {
    case 1: "Bad destination mailbox address"
    case 2: "Bad destination system address"
    case 3: "Bad destination mailbox address syntax"
    case 4: "Destination mailbox address ambiguous"
    case 5: "Destination address valid"
    case 6: "Destination mailbox has moved, No forwarding address"
    case 7: "Bad sender's mailbox address syntax"
    case 8: "Bad sender's system address syntax"
    default: "Other/Undefined address status"
    }
  }

  private var mailboxMeaning: String {
    switch detail {
    case 1: "Mailbox disabled, not accepting messages"
    case 2: "Mailbox full"
    case 3: "Message length exceeds administrative limit"
    case 4: "Mailing list expansion problem"
    default: "Other/Undefined mailbox status"
    }
  }

  private var systemMeaning: String {
    switch detail {
    case 1: "Mail system full"
    case 2: "System not accepting network messages"
    case 3: "System not capable of selected features"
    case 4: "Message too big for system"
    case 5: "System incorrectly configured"
    default: "Other/Undefined mail system status"
    }
  }

  private var networkMeaning: String {
    switch detail {
    case 1: "No answer from host"
    case 2: "Bad connection"
    case 3: "Directory server failure"
    case 4: "Unable to route"
    case 5: "Mail system congestion"
    case 6: "Routing loop detected"
    case 7: "Delivery time expired"
    default: "Other/Undefined network or routing status"
    }
  }

  private var protocolMeaning: String {
    switch detail {
    case 1: "Invalid command"
    case 2: "Syntax error"
    case 3: "Too many recipients"
    case 4: "Invalid command arguments"
    case 5: "Wrong protocol version"
    default: "Other/Undefined protocol status"
    }
  }

  private var mediaMeaning: String {
    switch detail {
    case 1: "Media not supported"
    case 2: "Conversion required and prohibited"
    case 3: "Conversion required but not supported"
    case 4: "Conversion with loss performed"
    case 5: "Conversion failed"
    default: "Other/Undefined media error"
    }
  }

  private var securityMeaning: String {
    switch detail {
    case 1: "Delivery not authorized, message refused"
    case 2: "Mailing list expansion prohibited"
    case 3: "Security conversion required but not possible"
    case 4: "Security features not supported"
    case 5: "Cryptographic failure"
    case 6: "Cryptographic algorithm not supported"
    case 7: "Message integrity failure"
    default: "Other/Undefined security status"
    }
  }
}

extension EnhancedStatus {
  /// Reads `class.subject.detail` at the start of a reply's text, where a blank or the end follows.
  package init?(startOf text: Span<UInt8>, length: inout Int) {
    var fields: (UInt16, UInt16, UInt16) = (0, 0, 0)
    var index = 0
    for field in 0..<3 {
      let start = index
      var value: UInt16 = 0
      while index < text.count, index - start < 3, 0x30...0x39 ~= text[index] {
        value = value * 10 + UInt16(text[index] - 0x30)
        index += 1
      }
      guard index > start else { return nil }
      switch field {
      case 0: fields.0 = value
      case 1: fields.1 = value
      default: fields.2 = value
      }
      guard field < 2 else { break }
      guard index < text.count, text[index] == UInt8(ascii: ".") else { return nil }
      index += 1
    }
    guard index == text.count || text[index] == 0x20,
      let kind = Class(rawValue: UInt8(truncatingIfNeeded: fields.0)), fields.0 < 10
    else { return nil }
    length = index
    self.init(kind, fields.1, fields.2)
  }
}
