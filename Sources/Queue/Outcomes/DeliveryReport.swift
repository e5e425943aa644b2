// SPDX-License-Identifier: ISC

package import Mail

/// What became of one try to deliver one envelope.
package struct DeliveryReport: Hashable, Sendable {
  package enum Result: UInt8, Sendable {
    case delivered = 1
    case temporary = 2
    case permanent = 3
    /// The message has been here before.
    case loop = 4
    /// Not tried: the destination has enough to do. Waits under `holdKey` until that is released.
    case held = 5
  }

  /// Whether the next host tells the sender about success itself.
  package enum SuccessNotice: UInt8, Sendable {
    case ours = 0
    case nextHost = 1
  }

  package var result: Result
  package var status: EnhancedStatus?
  /// What the next host or the command said.
  package var text: String
  /// The remote server that said so, by name or as an address literal; empty when it was none.
  package var peer = ""
  package var successNotice = SuccessNotice.ours
  /// With `held`.
  package var holdKey: UInt64 = 0

  package init(_ result: Result, status: EnhancedStatus? = nil, text: String) {
    self.result = result
    self.status = status
    self.text = Envelope.errorText(text)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(result.rawValue)
    writer.write(successNotice.rawValue)
    writer.write(status?.class.rawValue ?? 0)
    writer.write(status?.subject ?? 0)
    writer.write(status?.detail ?? 0)
    writer.write(text)
    writer.write(peer)
    if result == .held { writer.write(holdKey) }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    guard let result = Result(rawValue: try reader.readByte()),
      let notice = SuccessNotice(rawValue: try reader.readByte())
    else { throw .invalid(field: "delivery result") }
    let number = try reader.readByte()
    let subject: UInt16 = try reader.readInteger()
    let detail: UInt16 = try reader.readInteger()
    let text = try reader.readString(of: "delivery text", atMost: Envelope.errorTextMax)
    let peer = try reader.readString(of: "peer", atMost: RecordLimits.name)
    var status: EnhancedStatus?
    if number != 0 {
      guard let `class` = EnhancedStatus.Class(rawValue: number), subject <= 999, detail <= 999
      else { throw .invalid(field: "delivery status") }
      status = EnhancedStatus(`class`, subject, detail)
    }
    self.init(result, status: status, text: text)
    successNotice = notice
    self.peer = peer
    if result == .held { holdKey = try reader.readInteger() }
  }
}
