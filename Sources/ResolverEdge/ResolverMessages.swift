// SPDX-License-Identifier: ISC

package import DNS
internal import Interprocess
package import Mail

/// A role to the resolver.
package struct ResolverQuery: EdgeMessage {
  package var token: UInt64
  package var question: DNSQuestion

  package init(token: UInt64, question: DNSQuestion) {
    self.token = token
    self.question = question
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(token)
    switch question {
    case .mailExchangers(let name):
      writer.write(UInt8(1))
      writer.write(name.text)
    case .addresses(let name):
      writer.write(UInt8(2))
      writer.write(name.text)
    case .pointer(let address):
      writer.write(UInt8(3))
      writer.write(address.description)
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    token = try reader.readInteger()
    let kind = try reader.readByte()
    let text = try reader.readString(of: "name", atMost: DomainName.Limits.name)
    switch kind {
    case 1: question = .mailExchangers(try ResolverQuery.name(text))
    case 2: question = .addresses(try ResolverQuery.name(text))
    case 3:
      guard let address = IPAddress(parsing: text) else { throw .invalid(field: "address") }
      question = .pointer(address)
    default: throw .invalid(field: "question")
    }
  }

  static func name(_ text: String) throws(DecodingError) -> DomainName {
    guard let name = DomainName(text) else { throw .invalid(field: "name") }
    return name
  }
}

/// The resolver to a role.
package struct ResolverReply: EdgeMessage {
  package var token: UInt64
  package var answer: DNSAnswer

  private static let recordsMax = 1024

  package init(token: UInt64, answer: DNSAnswer) {
    self.token = token
    self.answer = answer
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(token)
    writer.write(answer.authenticity.rawValue)
    switch answer.outcome {
    case .nonexistent: writer.write(UInt8(1))
    case .noData: writer.write(UInt8(2))
    case .bogus: writer.write(UInt8(3))
    case .temporary(let failure):
      writer.write(UInt8(4))
      writer.write(failure.rawValue)
    case .records(.mailExchangers(let records)):
      writer.write(UInt8(5))
      let sent = records.prefix(ResolverReply.recordsMax)
      writer.writeVariable(UInt64(sent.count))
      for record in sent {
        writer.write(record.preference)
        writer.write(record.exchange?.text ?? "")
      }
    case .records(.addresses(let addresses)):
      writer.write(UInt8(6))
      encode(addresses.map(\.description), into: &writer)
    case .records(.names(let names)):
      writer.write(UInt8(7))
      encode(names.map(\.text), into: &writer)
    }
  }

  private func encode(_ texts: [String], into writer: inout ByteWriter) {
    let sent = texts.prefix(ResolverReply.recordsMax)
    writer.writeVariable(UInt64(sent.count))
    for text in sent { writer.write(text) }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    token = try reader.readInteger()
    guard let authenticity = DNSAnswer.Authenticity(rawValue: try reader.readByte()) else {
      throw .invalid(field: "authenticity")
    }
    answer = DNSAnswer(try ResolverReply.outcome(&reader), authenticity)
  }

  private static func outcome(
    _ reader: inout ByteReader
  ) throws(DecodingError) -> DNSAnswer.Outcome {
    switch try reader.readByte() {
    case 1: return .nonexistent
    case 2: return .noData
    case 3: return .bogus
    case 4:
      guard let failure = DNSAnswer.TemporaryFailure(rawValue: try reader.readByte()) else {
        throw .invalid(field: "failure")
      }
      return .temporary(failure)
    case 5:
      var records: [MailExchangerRecord] = []
      for _ in 0..<(try reader.readCount(of: "records", atMost: recordsMax)) {
        let preference: UInt16 = try reader.readInteger()
        let text = try reader.readString(of: "name", atMost: DomainName.Limits.name)
        let exchange = text.isEmpty ? nil : try ResolverQuery.name(text)
        records.append(MailExchangerRecord(preference: preference, exchange: exchange))
      }
      return .records(.mailExchangers(records))
    case 6:
      var addresses: [IPAddress] = []
      for text in try texts(&reader) {
        guard let address = IPAddress(parsing: text) else { throw .invalid(field: "address") }
        addresses.append(address)
      }
      return .records(.addresses(addresses))
    case 7:
      var names: [DomainName] = []
      for text in try texts(&reader) { names.append(try ResolverQuery.name(text)) }
      return .records(.names(names))
    default: throw .invalid(field: "outcome")
    }
  }

  private static func texts(_ reader: inout ByteReader) throws(DecodingError) -> [String] {
    var texts: [String] = []
    for _ in 0..<(try reader.readCount(of: "records", atMost: recordsMax)) {
      texts.append(try reader.readString(of: "record", atMost: DomainName.Limits.name))
    }
    return texts
  }
}
